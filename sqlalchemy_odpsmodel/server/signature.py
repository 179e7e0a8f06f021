"""Version 1 of MaxCompute's signatures: who a request is from, checked as the official client signs it.

It covers the method, the date, three headers, the x-odps ones and the URL, and not the body.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

#: How far the clocks of client and endpoint may be apart, in seconds.
MAX_SKEW = 900
_SIGNED = ("content-md5", "content-type", "date")


class Refused(Exception):
    """A request that is not signed as it must be.  ``code`` is what the client makes its class of."""

    def __init__(self, message: str, code: str = "Unauthorized") -> None:
        super().__init__(message)
        self.code = code


class Authorization(NamedTuple):
    """``Authorization: ODPS access_id:signature``."""

    access_id: str
    signature: str


def read_authorization(header: str | None) -> Authorization:
    """The header's parts.  Raises Refused where there is none, or one of another kind."""
    scheme, _, rest = (header or "").partition(" ")
    access_id, _, signature = rest.strip().partition(":")
    if scheme.upper() != "ODPS" or not access_id or not signature:
        raise Refused("the request is not signed: Authorization: ODPS access_id:signature is missing")
    if "/" in access_id:
        # With the words "invalid or missing" the official client signs again, as version 1.
        raise Refused("invalid or missing signature: version 4 is not known here, sign as version 1")
    return Authorization(access_id, signature)


def verify(
    authorization: Authorization,
    secret: str | None,
    method: str,
    url: str,
    headers: Mapping[str, str],
    now: datetime | None = None,
) -> None:
    """Raise Refused unless the request was signed with the secret, about now.

    ``secret`` is None for an access id that nobody has; ``url`` is the signed part of the URL with its
    query, quoted as it was sent; ``headers`` have lower-case names.
    """
    expected = sign(secret or "", canonical(method, url, headers))
    equal = hmac.compare_digest(expected.encode(), authorization.signature.encode())
    if secret is None or not equal:
        raise Refused("the signature does not fit: the access id or its secret is wrong")
    try:
        sent = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        raise Refused("the request has no Date that can be read") from None
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=UTC)
    if abs(((now or datetime.now(UTC)) - sent).total_seconds()) > MAX_SKEW:
        raise Refused(
            f"the request's Date is more than {MAX_SKEW // 60} minutes off: set the client's clock",
            "AuthenticationRequestExpired",
        )


def canonical(method: str, url: str, headers: Mapping[str, str]) -> str:
    """What is signed: the method, three headers' values, the x-odps ones by name, the URL unquoted."""
    parts = urlsplit(unquote(url), allow_fragments=False)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    query = "&".join(f"{key}={value}" if value else key for key, value in sorted(parameters.items()))
    signed = dict.fromkeys(_SIGNED, "")
    signed |= {k: v for k, v in headers.items() if k in _SIGNED or k.startswith("x-odps-")}
    signed |= {k: v for k, v in parameters.items() if k.startswith("x-odps-")}
    lines = (f"{k}:{v}" if k.startswith("x-odps-") else v for k, v in sorted(signed.items()))
    return "\n".join([method, *lines, f"{parts.path}?{query}" if parts.query else parts.path])


def sign(secret: str, text: str) -> str:
    """HMAC-SHA-1 of the text, in Base64."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()
