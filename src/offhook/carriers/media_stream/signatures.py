"""The signatures of webhooks: how Vobiz, Plivo and Twilio compute them, and whether a request bears a right one.

Vobiz signs nothing but the address, without its query, and a nonce (https://docs.vobiz.ai, validating callbacks); its
own package checks Plivo's scheme instead, so both are taken. Plivo's V3 covers the parameters as well
(https://www.plivo.com/docs/voice/concepts/signature-validation), Twilio signs address and form, and JSON by its hash
(https://www.twilio.com/docs/usage/security).
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha1, sha256
from hmac import compare_digest
from hmac import new as hmac
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from offhook.carriers.media_stream.nonces import Nonces
from offhook.config import CarrierName

__all__ = [
    "SignedRequest",
    "Verdict",
    "Verifier",
    "plivo_v3",
    "twilio_signature",
    "verifier",
    "vobiz_v2",
    "vobiz_v3",
]

_MOST_CANDIDATES = 8
_PORT = re.compile(r":[0-9]+$")
_DEFAULT_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}


class Verdict(Enum):
    """What a request's signature is worth. A repeated request is `GOOD` again; a `REPLAYED` one bears the signature of
    another request."""

    UNSIGNED = "unsigned"
    GOOD = "good"
    WRONG = "wrong"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as its sender made it.

    `url` is the public address with its query, `headers` have names in small letters and several values of one joined
    by commas, `body` is what `Parameters.body` is and `raw` its bytes.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    raw: bytes = field(default=b"", repr=False)
    is_form: bool = True


Verifier = Callable[[SignedRequest], Verdict]


def vobiz_v2(token: str, url: str, nonce: str) -> str:
    """Vobiz's V2, which is also Plivo's V2."""
    return _signed(token, _base(url) + nonce)


def vobiz_v3(token: str, url: str, nonce: str) -> str:
    """Vobiz's V3 as it is documented."""
    return _signed(token, f"{_base(url)}.{nonce}")


def plivo_v3(token: str, method: str, url: str, body: Mapping[str, Any], nonce: str) -> str:
    """Plivo's V3. Values of `body` may be lists, maps and numbers."""
    return _signed(token, f"{_plivo_text(method, url, body)}.{nonce}")


def twilio_signature(token: str, url: str, body: Mapping[str, Any], algorithm: Callable[..., Any] = sha1) -> str:
    """Twilio's signature of a form, or of an address alone where `body` is empty."""
    pairs = (f"{name}{value}" for name in sorted(body) for value in sorted(set(_values(body[name]))))
    return _signed(token, url + "".join(pairs), algorithm)


def verifier(carrier: CarrierName, token: str) -> Verifier:
    """What judges the requests of a carrier by the account's auth token."""
    match carrier:
        case "vobiz":
            return _NonceVerifier("x-vobiz-signature", token, _vobiz_signatures)
        case "plivo":
            return _NonceVerifier("x-plivo-signature", token, _plivo_signatures)
        case "twilio":
            return lambda request: _twilio_verdict(token, request)


class _NonceVerifier:
    """Judges signatures that come with nonces.

    A right signature is remembered with the request that bore it, since Vobiz leaves the parameters unsigned: the same
    request again is a carrier that had no answer, and another request with it is forged.
    """

    def __init__(self, prefix: str, token: str, expected: Callable[[str, SignedRequest, str], Iterable[str]]):
        self._signature_names = tuple(prefix + kind for kind in ("-v3", "-ma-v3", "-v2", "-ma-v2"))
        self._nonce_names = tuple(f"{prefix}{kind}-nonce" for kind in ("-v3", "-ma-v3", "-v2", "-ma-v2"))
        self._token = token
        self._expected = expected
        self._nonces = Nonces()

    def __call__(self, request: SignedRequest) -> Verdict:
        given = list(_candidates(request.headers.get(name, "") for name in self._signature_names))
        if not given:
            return Verdict.UNSIGNED
        for nonce in dict.fromkeys(request.headers.get(name, "") for name in self._nonce_names):
            for right in self._expected(self._token, request, nonce) if nonce else ():
                if _any_equal(given, right):
                    return Verdict.GOOD if self._nonces.admit(right, _print_of(request)) else Verdict.REPLAYED
        return Verdict.WRONG


def _vobiz_signatures(token: str, request: SignedRequest, nonce: str) -> Iterator[str]:
    yield vobiz_v3(token, request.url, nonce)
    yield from _plivo_signatures(token, request, nonce)


def _plivo_signatures(token: str, request: SignedRequest, nonce: str) -> Iterator[str]:
    yield plivo_v3(token, request.method, request.url, request.body, nonce)
    yield vobiz_v2(token, request.url, nonce)


def _twilio_verdict(token: str, request: SignedRequest) -> Verdict:
    given = list(_candidates([request.headers.get("x-twilio-signature", "")]))
    if not given:
        return Verdict.UNSIGNED
    algorithm = _twilio_algorithm(request.headers.get("x-twilio-webhooks-signature-settings", ""))
    if algorithm is None or not _body_is_covered(request):
        return Verdict.WRONG
    body = request.body if request.is_form else {}
    for url in _port_spellings(request.url):
        if _any_equal(given, twilio_signature(token, url, body, algorithm)):
            return Verdict.GOOD
    return Verdict.WRONG


def _twilio_algorithm(settings: str) -> Callable[..., Any] | None:
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return {"HMAC_SHA1": sha1, "HMAC_SHA256": sha256}.get(value.strip().upper())
    return sha1


def _body_is_covered(request: SignedRequest) -> bool:
    """Whether the signature covers the body: as a form, or by its hash in the signed query."""
    if request.is_form or not request.raw:
        return True
    told = parse_qs(urlsplit(request.url).query).get("bodySHA256", [""])[0]
    return compare_digest(sha256(request.raw).hexdigest().encode(), told.lower().encode())


def _port_spellings(url: str) -> tuple[str, ...]:
    """The address as it is, without its port, and with that of its scheme: Twilio signs either."""
    parts = urlsplit(url)
    port = _PORT.search(parts.netloc)
    host = parts.netloc[: port.start()] if port else parts.netloc
    ported = parts.netloc if port else f"{host}:{_DEFAULT_PORTS[parts.scheme]}"
    return tuple(dict.fromkeys((url, *(url.replace(parts.netloc, netloc, 1) for netloc in (host, ported)))))


def _base(url: str) -> str:
    """The address without its query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _plivo_text(method: str, url: str, body: Mapping[str, Any]) -> str:
    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    if method.upper() == "GET":
        pairs = _plivo_query({**body, **query})
        return f"{_base(url)}?{pairs}" if pairs else _base(url)
    text = _base(url)
    if query or body:
        text += "?" + _plivo_query(query)
    if query and body:
        text += "."
    return text + _plivo_body(body)


def _plivo_query(parameters: Mapping[str, Any]) -> str:
    return "&".join(f"{name}={value}" for name in sorted(parameters) for value in sorted(_values(parameters[name])))


def _plivo_body(parameters: Mapping[str, Any]) -> str:
    return "".join(
        name + _plivo_body(value)
        if isinstance(value, Mapping)
        else "".join(name + each for each in sorted(_values(value)))
        for name, value in sorted(parameters.items(), key=lambda item: item[0])
    )


def _values(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


def _signed(token: str, text: str, algorithm: Callable[..., Any] = sha256) -> str:
    return b64encode(hmac(token.encode(), text.encode("utf-8", "replace"), algorithm).digest()).decode()


def _candidates(headers: Iterable[str]) -> Iterator[str]:
    found = [part.strip() for header in headers for part in header.split(",", _MOST_CANDIDATES) if part.strip()]
    yield from found[:_MOST_CANDIDATES]


def _any_equal(given: Iterable[str], right: str) -> bool:
    """Compares with all of `given`, in a time that does not tell how much of one was right."""
    return sum(compare_digest(each.encode("utf-8", "replace"), right.encode()) for each in given) > 0


def _print_of(request: SignedRequest) -> bytes:
    digest = sha256(request.url.encode("utf-8", "replace"))
    digest.update(b"\n" + request.raw)
    return digest.digest()
