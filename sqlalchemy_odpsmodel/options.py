"""The options of a version: the table of keys, what each takes, and the secret among them.

Source: "Imported model parameters" and "Remote model parameters" of the vendor's pages.  A message
names the key and never its value: what stands in the wrong place may be a key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from .errors import OptionError
from .model import plain

MASK = "********"
MODEL_TYPES = {
    "IMPORT": ("BOOSTED_TREE_CLASSIFIER", "BOOSTED_TREE_REGRESSOR"),
    "REMOTE": ("LLM", "MLLM"),
}
TASKS = ("text-generation", "chat", "sentence-embedding")
#: What DESC shows of every REMOTE version; it cannot be given.
REMOTE_SERVICE_TYPE = ("REMOTE_SERVICE_TYPE", "PAI-EAS")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE_RULE = "the name of an environment variable: letters, digits and _, not starting with a digit"
_KEY = re.compile(r"\w+")
_HOST_END = re.compile("[/?#]")
_REFERENCE = re.compile(r"\$\{(.*)\}", re.DOTALL)


@dataclass(frozen=True, slots=True, repr=False)
class EnvSecret:
    """A secret by the name of its environment variable; written ``'${NAME}'`` in SQL.

    The local file keeps the name and never reads the environment.  The driver of the service does, when it
    sends a statement; of one that was read ``in_text``, as a str, only where that was asked for.
    """

    name: str
    in_text: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and _VARIABLE.fullmatch(self.name)):
            raise OptionError(f"EnvSecret takes {_VARIABLE_RULE}", offender="APIKEY")
        object.__setattr__(self, "name", plain(self.name))

    def __str__(self) -> str:
        return f"${{{self.name}}}"

    def __repr__(self) -> str:
        return f"EnvSecret({self.name!r})"


class PlainSecret:
    """A secret given as itself.  It prints as a mask everywhere; :meth:`reveal` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, PlainSecret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"PlainSecret({MASK!r})"

    def __deepcopy__(self, memo: object) -> PlainSecret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a plain secret is not pickled, it would be readable there: use EnvSecret")


@dataclass(frozen=True, slots=True, repr=False)
class Fingerprint:
    """What a store keeps of a plain secret: equal only where the secret is.  It prints as a mask."""

    digest: str

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Fingerprint({MASK!r})"


OptionValue = str | EnvSecret | PlainSecret | Fingerprint
Options = tuple[tuple[str, OptionValue], ...]


class Option(NamedTuple):
    """One row of the table.  ``source`` is empty where a key serves both; ``check`` gets the value
    and returns what it must be, or None where it is right."""

    source: str
    required: bool
    check: Callable[[str], str | None]


def _one_of(*values: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        if value in values:
            return None
        wanted = f"must be {' or '.join(map(repr, values))}"
        spelled = [v for v in values if v.lower() == value.lower()]
        return f"{wanted}, spelled exactly so: write {spelled[0]!r}" if spelled else wanted

    return check


def _like(pattern: str, shape: str) -> Callable[[str], str | None]:
    match = re.compile(pattern).fullmatch
    return lambda value: None if match(value) else f"must be {shape}"


def _timeout(value: str) -> str | None:
    if re.fullmatch("[1-9][0-9]{3,6}", value) and 5000 <= int(value) <= 1800000:
        return None
    return "must be a whole number of milliseconds from 5000 to 1800000, as in '5000'"


#: Control characters, which no value has.
_CONTROL = r"\x00-\x1f\x7f-\x9f"
_TEXT = rf"[^\s{_CONTROL}](?:[^{_CONTROL}]*[^\s{_CONTROL}])?"
_KEYS: dict[str, Option] = {
    "MODEL_SOURCE_TYPE": Option("", True, _one_of(*MODEL_TYPES)),
    "MODEL_TYPE": Option("", True, lambda value: None),
    "LOCATION": Option(
        "IMPORT",
        True,
        _like(rf"oss://[^/\s{_CONTROL}]+/[^/\s{_CONTROL}]+/[^{_CONTROL}]*", "'oss://endpoint/bucket/[path]'"),
    ),
    "ROLEARN": Option(
        "IMPORT", True, _like(rf"acs:ram::[^:\s{_CONTROL}]+:role/[^\s{_CONTROL}]+", "'acs:ram::…:role/…'")
    ),
    "TASKS": Option("REMOTE", True, _one_of(*TASKS)),
    "PAI_EAS_MODEL_NAME": Option("REMOTE", True, _like(_TEXT, "the name of a model in PAI EAS")),
    "PAI_EAS_SERVICE_NAME": Option(
        "REMOTE", True, _like(rf"[^.\s{_CONTROL}]+(?:\.[^.\s{_CONTROL}]+)?", "'Service' or 'Group.Service'")
    ),
    "ENDPOINT": Option(
        "REMOTE",
        True,
        _like(rf"https?://[^/?#\s{_CONTROL}]+(?:[/?#][^\s{_CONTROL}]*)?", "an http(s) URL, 'http://host'"),
    ),
    "APIKEY": Option("REMOTE", True, _like(_TEXT, "a token of the service")),
    "PAI_EAS_SYNC_MODE": Option("REMOTE", True, _one_of("true")),
    "PAI_EAS_SYNC_REQUEST_TIMEOUT": Option("REMOTE", False, _timeout),
}
OPTION_KEYS = frozenset(_KEYS)
_PLAIN_KEYS = OPTION_KEYS - {"APIKEY"}
_REQUIRED = {
    source: frozenset(key for key, option in _KEYS.items() if option.required and option.source == source)
    for source in MODEL_TYPES
}
_MODEL_TYPE_CHECKS = {source: _one_of(*types) for source, types in MODEL_TYPES.items()}
#: What the absence of an option means to the service.
OPTION_DEFAULTS = {"PAI_EAS_SYNC_REQUEST_TIMEOUT": "5000"}


def source_of(key: str) -> str:
    """The source type that an option is of; "" for what is of both, or of none."""
    return _KEYS[key].source if key in _KEYS else ""


def as_options(pairs: Mapping[str, object] | Iterable[tuple[str, object]]) -> Options:
    """Options in the order given, keys in upper case.

    The APIKEY, and the value of an unknown key (which may be a misspelt APIKEY), become secrets.
    """
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    if not isinstance(items, Iterable) or isinstance(items, str):
        raise OptionError(f"options are a dictionary of keys and values, not a {type(pairs).__name__}")
    return tuple([_option(key, value) for key, value in items])


def _option(key: str, value: object) -> tuple[str, OptionValue]:
    if type(key) is type(value) is str and key in _PLAIN_KEYS:
        return key, value
    if not (isinstance(key, str) and _KEY.fullmatch(key)):
        raise OptionError("an option's key must be a word of letters, digits and _")
    if key.isascii():
        key = key.upper()
    if isinstance(value, str):
        value = plain(value)
    if key == "APIKEY" and isinstance(value, str):
        return key, secret(value)
    if key == "APIKEY" or key not in _KEYS:
        if isinstance(value, (EnvSecret, PlainSecret, Fingerprint)):
            return key, value
        if isinstance(value, str):
            return key, PlainSecret(value)
    elif isinstance(value, str):
        return key, value
    elif isinstance(value, (EnvSecret, PlainSecret, Fingerprint)):
        raise OptionError(f"{key} takes a string: EnvSecret is for APIKEY", offender=key)
    raise OptionError(f"{key} must be a string, not {type(value).__name__}", offender=key)


def secret(value: str) -> EnvSecret | PlainSecret:
    """``${NAME}`` refers to a variable; anything else is the secret itself."""
    reference = _REFERENCE.fullmatch(value)
    if reference and _VARIABLE.fullmatch(reference[1]):
        return EnvSecret(reference[1], in_text=True)
    return PlainSecret(value)


def revealed(value: OptionValue) -> str:
    """An option's value as the service needs it, a secret in the clear.  Raises OptionError where its
    variable is not set, or holds what is no key."""
    if isinstance(value, EnvSecret):
        key = os.environ.get(value.name)
        if not key:
            raise OptionError(f"APIKEY: the environment variable {value.name} is not set", offender="APIKEY")
        try:
            _check_secret(key, _KEYS["APIKEY"].check)
        except OptionError as error:
            error.prefix(f"the environment variable {value.name}")
            raise
        return key
    return value.reveal() if isinstance(value, PlainSecret) else str(value)


def check_types(options: Options) -> tuple[str, str]:
    """(source type, model type) of a CREATE, both required and fitting."""
    given = _first(options)
    for key in ("MODEL_SOURCE_TYPE", "MODEL_TYPE"):
        if key not in given:
            _check_known(options)
            raise OptionError(f"{key} is missing", offender="OPTIONS")
    source_type = given["MODEL_SOURCE_TYPE"]
    if source_type == "INTERNAL_TRAIN":
        raise OptionError(
            "MODEL_SOURCE_TYPE INTERNAL_TRAIN cannot be created by SQL: such models are made by"
            " MaxFrame's to_odps_model",
            offender="MODEL_SOURCE_TYPE",
        )
    _check("MODEL_SOURCE_TYPE", source_type, _KEYS["MODEL_SOURCE_TYPE"].check)
    _check("MODEL_TYPE", given["MODEL_TYPE"], _MODEL_TYPE_CHECKS[source_type])
    return source_type, given["MODEL_TYPE"]


def differing_type(options: Options, source_type: str, model_type: str) -> tuple[str, str, str] | None:
    """(key, fixed, given) of the type option, if any is given, that differs from the model's."""
    given = _first(options)
    for key, fixed in (("MODEL_SOURCE_TYPE", source_type), ("MODEL_TYPE", model_type)):
        if given.get(key, fixed) != fixed:
            return key, fixed, given[key]
    return None


def _first(options: Options) -> dict[str, str]:
    """The plain values by key; of a repeated key the first."""
    return {key: value for key, value in reversed(options) if isinstance(value, str)}


def check_options(options: Options, source_type: str) -> None:
    """Every rule of the table for one version: unknown, foreign, repeated, bad, missing keys."""
    _check_known(options, source_type)
    seen: set[str] = set()
    for key, value in options:
        option = _KEYS[key]
        if key in seen:
            raise OptionError(f"{key} is given twice", offender=key)
        seen.add(key)
        if option.source not in ("", source_type):
            raise OptionError(
                f"{key} is an option of {option.source} models, and this one is {source_type}",
                offender=key,
            )
        if isinstance(value, str):
            _check(key, value, option.check)
        elif isinstance(value, PlainSecret):
            _check_secret(value.reveal(), option.check)
        elif isinstance(value, Fingerprint):
            raise OptionError(
                "APIKEY was read from a database, which has its fingerprint only: give the key, or EnvSecret",
                offender="APIKEY",
            )
    missing = _REQUIRED[source_type] - seen
    if missing:
        key = next(key for key in _KEYS if key in missing)
        raise OptionError(f"{key} is missing: {source_type} models need it", offender="OPTIONS")


def _check_known(options: Options, source_type: str = "") -> None:
    for key, _ in options:
        if key not in _KEYS:
            raise OptionError(f"unknown option {key}", offender=key, hint=_nearest(key, source_type))


def _check(key: str, value: str, check: Callable[[str], str | None]) -> None:
    wanted = check(value)
    if wanted is not None:
        raise OptionError(f"{key} {wanted}", offender=key)
    if not value.isascii() and value.encode(errors="replace").decode() != value:
        raise OptionError(f"{key} is not valid Unicode text", offender=key)


def _check_secret(value: str, check: Callable[[str], str | None]) -> None:
    if value and not value.strip("*"):
        raise OptionError(
            "APIKEY is a mask, not a key: give the key, or EnvSecret('NAME'), written '${NAME}'",
            offender="APIKEY",
        )
    if _REFERENCE.fullmatch(value):
        raise OptionError(f"APIKEY: between ${{ and }} stands {_VARIABLE_RULE}", offender="APIKEY")
    _check("APIKEY", value, check)


def _nearest(key: str, source_type: str) -> str:
    from difflib import get_close_matches

    if key == REMOTE_SERVICE_TYPE[0]:
        return "it is derived, and shown by DESC"
    known = [k for k, o in _KEYS.items() if not source_type or o.source in ("", source_type)]
    near = get_close_matches(key, known, 1) or get_close_matches(key, known, 1, 0.4)
    return f"did you mean {near[0]}?" if near else f"the options are {', '.join(known)}"


def advice(options: Options) -> Iterator[str]:
    """What is accepted with a warning: hosts that the pages rule out, but their examples use."""
    for key, value in options:
        if key == "LOCATION" and "-internal" not in str(value).partition("://")[2].partition("/")[0].lower():
            yield "LOCATION: only OSS internal endpoints are supported (oss-<region>-internal.aliyuncs.com)"
        if key == "ENDPOINT":
            host = _HOST_END.split(str(value).partition("://")[2], maxsplit=1)[0].lower()
            if "-vpc" in host or "-internal" in host:
                yield "ENDPOINT: only public endpoints are supported, and this is one of an internal network"
