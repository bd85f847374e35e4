"""Known signatures, and the vendors' own validators, which judge ours and make those that we judge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import plivo.utils
import pytest
import vobiz.utils
from hypothesis import given
from hypothesis import strategies as st
from plivo.utils import signature_v3
from twilio.request_validator import RequestValidator

from offhook.carriers.media_stream.signatures import (
    SignedRequest,
    Verdict,
    plivo_v3,
    twilio_signature,
    verifier,
    vobiz_v2,
    vobiz_v3,
)
from offhook.config import CarrierName

TOKEN = "test_auth_token_0123456789"
NONCE = "12345678901234567890"
URL = "https://agent.example.com/answer"
QUERY = "?call=7&b=2"
PARAMETERS = {
    "CallUUID": "9a0e0208-d01a-4572-9a04-fe583a05ac53",
    "From": "918071387423",
    "To": "919624705678",
    "Direction": "inbound",
    "CallStatus": "ringing",
    "Event": "StartApp",
}
TWILIO_PARAMETERS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
VOBIZ_V2 = "C+Ke6PHsS39gjaNhXyZfq5X+zlMvvFEXYZVUgbK0ph8="
VOBIZ_V3 = "nVifu8aD0dGk0Rfo1brT+tbPMrKUbYOaT6D4hgIJ1KI="
PLIVO_POST = "TrCIUyjiZjBxsz4ZDFGpt0YhWoNb4DUFD5SvdPQoWbY="
PLIVO_POST_QUERY = "xvsU8mlTtNBJMj/XrbzKFjN+Q22QaoAut9DPk98W1OM="
PLIVO_GET = "p3bja2QcRdywnWVO2O2FjG7kHMQ5MnHHEpkO4fKzFbg="
PLIVO_QUERY_ALONE = "GXczbbZMI9D7L3Xw6g5yhn1J1Rx66Ap4TqTWwzmsZus="
PLIVO_GET_QUERY = "iOA1v6hbg8pAghH+aMzPJPPztxBQgsbAyI0HdJsSBf8="
TWILIO_POST = "BoSaxLEKm18DqUM+kcWZYmGtNOY="
TWILIO_SOCKET = "Yg6MYGYHQksvHO9BWkxv8m+h16w="
TWILIO_SOCKET_PORT = "hb809FBVEoAd5yyedn38y1S4ghA="
TWILIO_PUBLISHED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@dataclass(frozen=True)
class Vector:
    """A request whose signature is known."""

    signature: str
    method: str = "POST"
    url: str = URL
    body: Mapping[str, str] = field(default_factory=dict)


PLIVO_VECTORS = [
    Vector(VOBIZ_V3),
    Vector(PLIVO_POST, body=PARAMETERS),
    Vector(PLIVO_POST_QUERY, url=URL + QUERY, body=PARAMETERS),
    Vector(PLIVO_GET, "GET", body=PARAMETERS),
    Vector(PLIVO_QUERY_ALONE, url=URL + QUERY),
    Vector(PLIVO_QUERY_ALONE, "GET", URL + QUERY),
    Vector(PLIVO_GET_QUERY, "GET", URL + QUERY, PARAMETERS),
]


def signed(headers: Mapping[str, str], *, method: str = "POST", url: str = URL, **body: str) -> SignedRequest:
    """A request with a form, as the routes hand it over."""
    lists = {name: [value] for name, value in body.items()}
    return SignedRequest(method, url, headers, lists, urlencode(body).encode())


def nonced(carrier: str, kind: str, signature: str, nonce: str = NONCE) -> dict[str, str]:
    nonce_kind = kind.removeprefix("ma-")
    return {f"x-{carrier}-signature-{kind}": signature, f"x-{carrier}-signature-{nonce_kind}-nonce": nonce}


# The schemes


def test_the_schemes_of_vobiz() -> None:
    assert vobiz_v2(TOKEN, URL, NONCE) == vobiz_v2(TOKEN, URL + QUERY, NONCE) == VOBIZ_V2
    assert vobiz_v3(TOKEN, URL, NONCE) == vobiz_v3(TOKEN, URL + QUERY, NONCE) == VOBIZ_V3


@pytest.mark.parametrize("vector", PLIVO_VECTORS)
def test_the_scheme_of_plivo(vector: Vector) -> None:
    assert plivo_v3(TOKEN, vector.method, vector.url, dict(vector.body), NONCE) == vector.signature


def test_the_scheme_of_twilio() -> None:
    assert twilio_signature(TOKEN, URL, PARAMETERS) == TWILIO_POST
    assert twilio_signature(TOKEN, "wss://agent.example.com/ws", {}) == TWILIO_SOCKET
    assert twilio_signature(TOKEN, "wss://agent.example.com:443/ws", {}) == TWILIO_SOCKET_PORT
    published = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio_signature("12345", published, TWILIO_PARAMETERS) == TWILIO_PUBLISHED


def test_vobiz_own_package_takes_our_v2() -> None:
    assert vobiz.utils.validate_signature(URL + QUERY, NONCE, vobiz_v2(TOKEN, URL + QUERY, NONCE), TOKEN)


_NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=8)
_BODIES = st.dictionaries(_NAMES, st.text(st.characters(codec="utf-8"), max_size=12), max_size=6)
# Plivo's package cannot read a query in which other characters are escaped.
_ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=8)


@given(_BODIES, st.dictionaries(_ASCII, _ASCII, max_size=4), st.sampled_from(["GET", "POST"]))
def test_plivos_own_package_takes_what_we_sign_and_we_what_it_signs(
    body: dict[str, str], query: dict[str, str], method: str
) -> None:
    url = URL + "?" * bool(query) + urlencode(query)
    ours = plivo_v3(TOKEN, method, url, body, NONCE)
    assert plivo.utils.validate_v3_signature(method, url, NONCE, TOKEN, ours, dict(body))
    theirs = nonced("plivo", "v3", _plivo_signs(method, url, body))
    assert verifier("plivo", TOKEN)(signed(theirs, method=method, url=url, **body)) is Verdict.GOOD


def _plivo_signs(method: str, url: str, body: Mapping[str, Any]) -> str:
    make = signature_v3.construct_get_url if method == "GET" else signature_v3.construct_post_url
    signature: bytes = signature_v3.get_signature_v3(TOKEN.encode(), make(url, dict(body)).decode(), NONCE.encode())
    return signature.decode()


def test_maps_lists_and_numbers_are_signed_as_plivo_does() -> None:
    body = {"b": {"y": [3, 1], "x": None}, "a": ["2", "1"], "n": 7, "t": True}
    assert plivo_v3(TOKEN, "POST", URL, body, NONCE) == _plivo_signs("POST", URL, body)


@given(_BODIES)
def test_twilios_own_package_takes_what_we_sign_and_we_what_it_signs(body: dict[str, str]) -> None:
    ours = twilio_signature(TOKEN, URL, {name: [value] for name, value in body.items()})
    judge = RequestValidator(TOKEN)
    assert judge.validate(URL, body, ours)
    request = signed({"x-twilio-signature": judge.compute_signature(URL, body)}, **body)
    assert verifier("twilio", TOKEN)(request) is Verdict.GOOD


# Vobiz


@pytest.mark.parametrize(
    ("kind", "signature"),
    [
        ("v2", VOBIZ_V2),
        ("ma-v2", VOBIZ_V2),
        ("v3", VOBIZ_V3),
        ("ma-v3", VOBIZ_V3),
        ("v3", PLIVO_POST),
        ("v3", f"bm9uZQ==, {VOBIZ_V3}"),
    ],
)
def test_every_signature_that_vobiz_may_send_is_good(kind: str, signature: str) -> None:
    request = signed(nonced("vobiz", kind, signature), **PARAMETERS)
    assert verifier("vobiz", TOKEN)(request) is Verdict.GOOD


def test_vobiz_signs_no_query() -> None:
    request = signed(nonced("vobiz", "v3", VOBIZ_V3), url=URL + QUERY, **PARAMETERS)
    assert verifier("vobiz", TOKEN)(request) is Verdict.GOOD


def test_no_signature_is_none() -> None:
    for headers in ({}, {"x-vobiz-signature-v3": " , "}, {"x-vobiz-signature": "legacy"}, {"user-agent": "Vobiz"}):
        assert verifier("vobiz", TOKEN)(signed(headers, **PARAMETERS)) is Verdict.UNSIGNED
    assert verifier("twilio", TOKEN)(signed({"x-vobiz-signature-v3": VOBIZ_V3})) is Verdict.UNSIGNED


@pytest.mark.parametrize(
    "headers",
    [
        nonced("vobiz", "v3", VOBIZ_V3[:-2] + "A="),
        nonced("vobiz", "v3", VOBIZ_V3, nonce="12345678901234567891"),
        nonced("vobiz", "v3", "not\u2014ascii"),
        nonced("vobiz", "v3", VOBIZ_V3, nonce=""),
        {"x-vobiz-signature-v3": VOBIZ_V3},
        nonced("vobiz", "v3", ",".join(["bm9uZQ=="] * 20 + [VOBIZ_V3])),
    ],
)
def test_wrong_signatures_of_vobiz(headers: dict[str, str]) -> None:
    assert verifier("vobiz", TOKEN)(signed(headers, **PARAMETERS)) is Verdict.WRONG


def test_another_address_or_token_is_wrong() -> None:
    headers = nonced("vobiz", "v3", VOBIZ_V3)
    assert verifier("vobiz", TOKEN)(signed(headers, url=URL + "/7")) is Verdict.WRONG
    assert verifier("vobiz", TOKEN)(signed(headers, url=URL.replace("https", "http"))) is Verdict.WRONG
    assert verifier("vobiz", TOKEN + "0")(signed(headers)) is Verdict.WRONG


def test_a_carrier_may_repeat_a_request_but_nobody_may_lend_its_signature_to_another() -> None:
    judge = verifier("vobiz", TOKEN)
    headers = nonced("vobiz", "v3", VOBIZ_V3)
    assert judge(signed(headers, **PARAMETERS)) is Verdict.GOOD
    assert judge(signed(headers, **PARAMETERS)) is Verdict.GOOD
    assert judge(signed(headers, **(PARAMETERS | {"To": "919999999999"}))) is Verdict.REPLAYED
    assert judge(signed(headers, url=URL + "?agent=other", **PARAMETERS)) is Verdict.REPLAYED
    assert judge(signed(headers, **PARAMETERS)) is Verdict.GOOD


# Plivo


@pytest.mark.parametrize("vector", PLIVO_VECTORS)
@pytest.mark.parametrize("kind", ["v3", "ma-v3"])
def test_every_signature_that_plivo_may_send_is_good(vector: Vector, kind: str) -> None:
    headers = nonced("plivo", kind, vector.signature)
    request = signed(headers, method=vector.method, url=vector.url, **dict(vector.body))
    assert verifier("plivo", TOKEN)(request) is Verdict.GOOD


def test_plivos_older_signature_is_good() -> None:
    assert verifier("plivo", TOKEN)(signed(nonced("plivo", "v2", VOBIZ_V2), **PARAMETERS)) is Verdict.GOOD


def test_plivo_signs_the_parameters() -> None:
    request = signed(nonced("plivo", "v3", PLIVO_POST), **(PARAMETERS | {"To": "919999999999"}))
    assert verifier("plivo", TOKEN)(request) is Verdict.WRONG
    assert verifier("plivo", TOKEN)(signed(nonced("plivo", "v3", VOBIZ_V3), **PARAMETERS)) is Verdict.WRONG


# Twilio


def test_a_form_of_twilio() -> None:
    judge = verifier("twilio", TOKEN)
    headers = {"x-twilio-signature": TWILIO_POST}
    assert judge(signed(headers, **PARAMETERS)) is Verdict.GOOD
    assert judge(signed(headers, **(PARAMETERS | {"To": "1"}))) is Verdict.WRONG
    assert judge(signed(headers, url=URL + "?a=1", **PARAMETERS)) is Verdict.WRONG


@pytest.mark.parametrize("signature", [TWILIO_SOCKET, TWILIO_SOCKET_PORT])
@pytest.mark.parametrize("url", ["wss://agent.example.com/ws", "wss://agent.example.com:443/ws"])
def test_the_socket_of_twilio_is_signed_with_or_without_its_port(signature: str, url: str) -> None:
    request = signed({"x-twilio-signature": signature}, method="GET", url=url)
    assert verifier("twilio", TOKEN)(request) is Verdict.GOOD


def test_the_socket_of_twilio_is_signed_as_a_socket() -> None:
    request = signed({"x-twilio-signature": TWILIO_SOCKET}, method="GET", url="https://agent.example.com/ws")
    assert verifier("twilio", TOKEN)(request) is Verdict.WRONG


def test_the_port_of_an_ipv6_address_is_told_from_the_address() -> None:
    url = "https://[2001:db8::1]/answer"
    signature = twilio_signature(TOKEN, "https://[2001:db8::1]:443/answer", {})
    assert verifier("twilio", TOKEN)(signed({"x-twilio-signature": signature}, url=url)) is Verdict.GOOD


def test_several_values_of_one_name_are_signed_once_each() -> None:
    body = {"Media": ["b", "a", "b"]}
    signature = RequestValidator(TOKEN).compute_signature(URL + "MediaaMediab", {})
    assert twilio_signature(TOKEN, URL, body) == signature


def json_of_twilio(raw: bytes, told: bytes) -> SignedRequest:
    url = f"{URL}?bodySHA256={sha256(told).hexdigest()}"
    headers = {"x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, {})}
    return SignedRequest("POST", url, headers, {"a": 1}, raw, is_form=False)


def test_json_of_twilio_is_signed_by_its_hash() -> None:
    raw = b'{"a": 1}'
    assert RequestValidator(TOKEN).validate(
        json_of_twilio(raw, raw).url, raw.decode(), json_of_twilio(raw, raw).headers["x-twilio-signature"]
    )
    assert verifier("twilio", TOKEN)(json_of_twilio(raw, raw)) is Verdict.GOOD
    assert verifier("twilio", TOKEN)(json_of_twilio(b'{"a": 2}', raw)) is Verdict.WRONG


def test_json_of_twilio_without_its_hash_is_not_signed() -> None:
    headers = {"x-twilio-signature": RequestValidator(TOKEN).compute_signature(URL, {})}
    request = SignedRequest("POST", URL, headers, {"a": 1}, b'{"a": 1}', is_form=False)
    assert verifier("twilio", TOKEN)(request) is Verdict.WRONG


@pytest.mark.parametrize(
    ("algorithm", "verdict"), [("HMAC_SHA256", Verdict.GOOD), ("hmac_sha256", Verdict.GOOD), ("MD5", Verdict.WRONG)]
)
def test_twilio_may_name_another_algorithm(algorithm: str, verdict: Verdict) -> None:
    signature = RequestValidator(TOKEN).compute_signature(URL, PARAMETERS, "HMAC_SHA256")
    settings = f"key=webhooks_sharedkey_1, algorithm={algorithm}"
    headers = {"x-twilio-signature": signature, "x-twilio-webhooks-signature-settings": settings}
    assert verifier("twilio", TOKEN)(signed(headers, **PARAMETERS)) is verdict


@given(
    st.sampled_from(["vobiz", "plivo", "twilio"]),
    st.dictionaries(
        st.sampled_from(
            [f"x-{c}-signature{k}" for c in ("vobiz", "plivo", "twilio") for k in ("", "-v2", "-v3", "-v3-nonce")]
        ),
        st.text(),
    ),
    st.text(),
    _BODIES,
)
def test_nobody_guesses_a_signature(
    carrier: CarrierName, headers: dict[str, str], tail: str, body: dict[str, str]
) -> None:
    request = signed(headers, url=f"{URL}/{tail}", **body)
    assert verifier(carrier, TOKEN)(request) in (Verdict.UNSIGNED, Verdict.WRONG)


def test_a_request_shows_no_secrets() -> None:
    assert (
        repr(signed({"auth-token": "clear"}, From="+15550100"))
        == f"SignedRequest(method='POST', url='{URL}', is_form=True)"
    )
