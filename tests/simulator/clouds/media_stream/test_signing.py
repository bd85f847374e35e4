"""The signatures against published vectors, and against what the vendors' own libraries accept."""

import plivo.utils
import pytest
import vobiz.utils
from twilio.request_validator import RequestValidator

from offhook.simulator.clouds.media_stream.dialects import DIALECTS, Account
from offhook.simulator.clouds.media_stream.signing import (
    plivo_v3,
    signature_headers,
    twilio_v1,
    vobiz_v2,
    vobiz_v3,
)

TOKEN = "test_auth_token_0123456789"
NONCE = "12345678901234567890"
URL = "https://agent.example.com/answer"
QUERY = URL + "?call=7&b=2"
PARAMS = {
    "CallUUID": "9a0e0208-d01a-4572-9a04-fe583a05ac53",
    "From": "918071387423",
    "To": "919624705678",
    "Direction": "inbound",
    "CallStatus": "ringing",
    "Event": "StartApp",
}
ACCOUNT = Account("MA_1", TOKEN)


def test_vobiz_vectors() -> None:
    assert vobiz_v2(TOKEN, URL, NONCE) == "C+Ke6PHsS39gjaNhXyZfq5X+zlMvvFEXYZVUgbK0ph8="
    assert vobiz_v3(TOKEN, URL, NONCE) == "nVifu8aD0dGk0Rfo1brT+tbPMrKUbYOaT6D4hgIJ1KI="
    assert vobiz_v3(TOKEN, QUERY, NONCE) == vobiz_v3(TOKEN, URL, NONCE)


@pytest.mark.parametrize(
    ("method", "url", "params", "signature"),
    [
        ("POST", URL, {}, "nVifu8aD0dGk0Rfo1brT+tbPMrKUbYOaT6D4hgIJ1KI="),
        ("POST", URL, PARAMS, "TrCIUyjiZjBxsz4ZDFGpt0YhWoNb4DUFD5SvdPQoWbY="),
        ("POST", QUERY, PARAMS, "xvsU8mlTtNBJMj/XrbzKFjN+Q22QaoAut9DPk98W1OM="),
        ("GET", URL, PARAMS, "p3bja2QcRdywnWVO2O2FjG7kHMQ5MnHHEpkO4fKzFbg="),
        ("POST", QUERY, {}, "GXczbbZMI9D7L3Xw6g5yhn1J1Rx66Ap4TqTWwzmsZus="),
        ("GET", QUERY, {}, "GXczbbZMI9D7L3Xw6g5yhn1J1Rx66Ap4TqTWwzmsZus="),
        ("GET", QUERY, PARAMS, "iOA1v6hbg8pAghH+aMzPJPPztxBQgsbAyI0HdJsSBf8="),
    ],
)
def test_plivo_vectors(method: str, url: str, params: dict[str, str], signature: str) -> None:
    assert plivo_v3(TOKEN, method, url, params, NONCE) == signature


def test_twilio_vectors() -> None:
    assert twilio_v1(TOKEN, URL, PARAMS) == "BoSaxLEKm18DqUM+kcWZYmGtNOY="
    assert twilio_v1(TOKEN, "wss://agent.example.com/ws", {}) == "Yg6MYGYHQksvHO9BWkxv8m+h16w="
    published = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    assert (
        twilio_v1("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", published) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    )


def test_the_vendors_accept_them() -> None:
    headers = signature_headers(DIALECTS["vobiz"], ACCOUNT, "POST", QUERY, PARAMS)
    nonce = headers["X-Vobiz-Signature-V2-Nonce"]
    assert len(nonce) == 20
    assert vobiz.utils.validate_signature(QUERY, nonce, headers["X-Vobiz-Signature-V2"], TOKEN)
    headers = signature_headers(DIALECTS["plivo"], ACCOUNT, "POST", QUERY, PARAMS)
    assert plivo.utils.validate_v3_signature(
        "POST", QUERY, headers["X-Plivo-Signature-V3-Nonce"], TOKEN, headers["X-Plivo-Signature-V3"], dict(PARAMS)
    )
    headers = signature_headers(DIALECTS["twilio"], ACCOUNT, "POST", QUERY, PARAMS)
    assert RequestValidator(TOKEN).validate(QUERY, PARAMS, headers["X-Twilio-Signature"])


def test_a_sub_account_is_signed_for_by_its_parent_too() -> None:
    account = Account("SA_1", "sub", parent_token=TOKEN)
    headers = signature_headers(DIALECTS["vobiz"], account, "POST", URL, {}, nonce=NONCE)
    assert headers["X-Vobiz-Signature-MA-V2"] == vobiz_v2(TOKEN, URL, NONCE)
    assert headers["X-Vobiz-Signature-MA-V3"] == vobiz_v3(TOKEN, URL, NONCE)
    assert headers["X-Vobiz-Signature-V3"] == vobiz_v3("sub", URL, NONCE)
    headers = signature_headers(DIALECTS["plivo"], account, "GET", URL, {}, nonce=NONCE)
    assert headers["X-Plivo-Signature-Ma-V3"] == plivo_v3(TOKEN, "GET", URL, {}, NONCE)


@pytest.mark.parametrize("carrier", ["vobiz", "plivo", "twilio"])
def test_a_forger_and_an_account_that_does_not_sign(carrier: str) -> None:
    dialect = DIALECTS[carrier]  # type: ignore[index]
    right = signature_headers(dialect, ACCOUNT, "POST", URL, PARAMS, nonce=NONCE)
    wrong = signature_headers(dialect, ACCOUNT, "POST", URL, PARAMS, nonce=NONCE, signing="wrong")
    assert right.keys() == wrong.keys()
    assert right != wrong
    assert signature_headers(dialect, ACCOUNT, "POST", URL, PARAMS, signing="off") == {}
