from typing import Literal

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from offhook.carriers.media_stream.gate import Gate
from offhook.carriers.media_stream.signatures import SignedRequest, twilio_signature, vobiz_v3
from offhook.config import CarrierName, CarrierSettings, KeySettings, Settings, TwilioSettings
from offhook.errors import ConfigError

Mode = Literal["off", "if-present", "required"]
URL = "https://agent.example.com/answer"
TOKEN = "test_auth_token_0123456789"
NONCE = "12345678901234567890"


def settings(mode: Mode, *, token: str = TOKEN, secret: str = "") -> Settings:
    key = SecretStr(token) if token else None
    keys = KeySettings(
        vobiz_auth_token=key,
        plivo_auth_token=key,
        twilio_auth_token=key,
        webhook_secret=SecretStr(secret) if secret else None,
    )
    own = CarrierSettings(signatures=mode)
    return Settings(vobiz=own, plivo=own, twilio=TwilioSettings(signatures=mode), keys=keys)


def request(signature: str = "", url: str = URL) -> SignedRequest:
    headers = {"x-vobiz-signature-v3": signature, "x-vobiz-signature-v3-nonce": NONCE} if signature else {}
    return SignedRequest("POST", url, headers)


GOOD = request(vobiz_v3(TOKEN, URL, NONCE))
WRONG = request(vobiz_v3("another", URL, NONCE))
UNSIGNED = request()


@pytest.mark.parametrize(
    ("mode", "good", "wrong", "unsigned"),
    [("off", True, True, True), ("if-present", True, False, True), ("required", True, False, False)],
)
def test_the_three_ways_to_look_at_signatures(mode: Mode, good: bool, wrong: bool, unsigned: bool) -> None:
    gate = Gate(settings(mode), "vobiz")
    admitted = [gate.admits_hook(each, with_secret=False) for each in (GOOD, WRONG, UNSIGNED)]
    assert admitted == [good, wrong, unsigned]


@pytest.mark.parametrize(
    ("mode", "with_secret", "good", "unsigned"),
    [
        ("off", False, False, False),
        ("off", True, True, True),
        ("if-present", False, True, False),
        ("if-present", True, True, True),
        ("required", False, True, False),
        ("required", True, True, False),
    ],
)
def test_with_a_webhook_secret_what_is_not_signed_must_bear_it(
    mode: Mode, with_secret: bool, good: bool, unsigned: bool
) -> None:
    gate = Gate(settings(mode, secret="s3cret-path"), "vobiz")
    admitted = [gate.admits_hook(each, with_secret=with_secret) for each in (GOOD, UNSIGNED)]
    assert admitted == [good, unsigned]


def test_the_secret_does_not_excuse_a_wrong_signature() -> None:
    assert not Gate(settings("if-present", secret="s3cret-path"), "vobiz").admits_hook(WRONG, with_secret=True)


@pytest.mark.parametrize("carrier", ["vobiz", "plivo", "twilio"])
def test_signatures_cannot_be_required_without_a_token(carrier: CarrierName) -> None:
    with pytest.raises(ConfigError) as raised:
        Gate(settings("required", token=""), carrier)
    assert raised.value.setting == f"{carrier}.signatures"
    assert f"{carrier.upper()}_AUTH_TOKEN" in str(raised.value)


def test_signatures_that_cannot_be_checked_are_told_of_once() -> None:
    gate = Gate(settings("if-present", token=""), "vobiz")
    with capture_logs() as lines:
        assert gate.admits_hook(WRONG, with_secret=False)
        assert gate.admits_hook(WRONG, with_secret=False)
    assert [(line["missing"], line["carrier"]) for line in lines] == [("VOBIZ_AUTH_TOKEN", "vobiz")]


def test_a_refusal_names_the_setting_and_no_secret() -> None:
    with capture_logs() as lines:
        Gate(settings("if-present", secret="s3cret-path"), "vobiz").admits_hook(WRONG, with_secret=False)
    [line] = lines
    assert (line["setting"], line["why"]) == ("vobiz.signatures", "its signature is wrong")
    assert not any(secret in str(line) for secret in (TOKEN, NONCE, "s3cret-path", *WRONG.headers.values()))


def test_a_signature_lent_to_another_request_is_refused() -> None:
    gate = Gate(settings("if-present"), "vobiz")
    other = SignedRequest(GOOD.method, URL + "?agent=other", GOOD.headers)
    assert gate.admits_hook(GOOD, with_secret=False)
    assert not gate.admits_hook(other, with_secret=False)


SOCKET = "wss://agent.example.com/ws/token"


@pytest.mark.parametrize(
    ("mode", "good", "wrong", "unsigned"),
    [("off", True, True, True), ("if-present", True, False, True), ("required", True, False, False)],
)
def test_the_socket_of_twilio_is_signed(mode: Mode, good: bool, wrong: bool, unsigned: bool) -> None:
    gate = Gate(settings(mode, secret="s3cret-path"), "twilio")
    signed = [twilio_signature(token, SOCKET, {}) for token in (TOKEN, "another")]
    requests = [SignedRequest("GET", SOCKET, {"x-twilio-signature": each}) for each in signed]
    admitted = [gate.admits_socket(each) for each in (*requests, SignedRequest("GET", SOCKET, {}))]
    assert admitted == [good, wrong, unsigned]


@pytest.mark.parametrize("carrier", ["vobiz", "plivo"])
def test_the_token_alone_opens_the_socket_of_the_others(carrier: CarrierName) -> None:
    assert Gate(settings("required"), carrier).admits_socket(WRONG)
