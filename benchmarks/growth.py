"""What a statement costs in a file of a thousand and of a million versions: of one model, and of as many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from .contest import Contest, Contestant, Work, growth
from .registries import Raw, Text, fill, new_file
from .sizes import Sizes

_TIMES = 20


class File:
    """A file of so many versions, and who works on it."""

    def __init__(self, path: str, versions: int, one_model: bool) -> None:
        fill(path, 1, versions) if one_model else fill(path, versions)
        self.versions, self.one_model = versions, one_model
        self.registries: dict[str, Raw | Text] = {"raw": Raw(path), "ours": Text(path)}
        self.raw = Raw(path)  # prepares, so that neither contestant's cache has what is new
        if one_model:
            self.raw.set_default("m0", f"v{versions // 2}")

    def there(self, i: int) -> tuple[str, str]:
        """Some model and version of the file, all over it."""
        place = i * 7919 % self.versions
        return ("m0", f"v{place + 1}") if self.one_model else (f"m{place}", "v1")


_numbers = count()


def _describe(file: File, registry: Raw | Text) -> Work:
    models = [file.there(next(_numbers))[0] for _ in range(_TIMES)]
    return lambda: [registry.describe(model) for model in models]


def _set_default(file: File, registry: Raw | Text) -> Work:
    there = [file.there(next(_numbers)) for _ in range(_TIMES)]
    return lambda: [registry.set_default(*names) for names in there]


def _add(file: File, registry: Raw | Text) -> Work:
    new = [(file.there(i)[0], f"a{i}") for i in (next(_numbers) for _ in range(_TIMES))]
    return lambda: [registry.add(*names) for names in new]


def _drop(file: File, registry: Raw | Text) -> Work:
    """Of one model versions, of many models models; both are new, so that the file does not shrink."""
    if file.one_model:
        names = [f"d{next(_numbers)}" for _ in range(_TIMES)]
        for name in names:
            file.raw.add("m0", name)
        return lambda: [registry.drop_version("m0", name) for name in names]
    models = [f"d{next(_numbers)}" for _ in range(_TIMES)]
    file.raw.create_many(models)
    return lambda: [registry.drop(model) for model in models]


STATEMENTS = {"DESC": _describe, "ADD VERSION": _add, "SET DEFAULT_VERSION": _set_default, "DROP": _drop}


def contests(folder: Path, sizes: Sizes) -> Iterator[Contest]:
    for shape in ("one model", "many models"):
        files = {
            versions: File(new_file(folder, f"{shape} {versions}"), versions, shape == "one model")
            for versions in sizes.growth
        }
        for statement, work in STATEMENTS.items():
            contestants = []
            for who in ("raw", "ours"):
                for versions, file in files.items():
                    targets = ()
                    if who == "ours" and versions != sizes.growth[0]:
                        start = f"{sizes.growth[0]:,}"
                        targets = (growth(1.2, f"ours, {start}", f"raw, {versions:,}", f"raw, {start}"),)
                    prepare = partial(work, file, file.registries[who])
                    contestants.append(Contestant(f"{who}, {versions:,}", prepare, targets, _TIMES))
            yield Contest(f"{statement}, {shape}", contestants)
