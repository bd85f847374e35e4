import pytest

from offhook.carriers.media_stream.accounts import account, accounts, missing_key
from offhook.config import CarrierName, Settings

KEYS = {
    "vobiz_auth_id": "MA_1",
    "vobiz_auth_token": "secret-v",
    "plivo_auth_id": "MA2",
    "plivo_auth_token": "secret-p",
    "twilio_account_sid": "AC3",
    "twilio_auth_token": "secret-t",
}


def test_every_account_that_is_set() -> None:
    found = accounts(Settings.model_validate({"keys": KEYS}))
    assert [(each.carrier, each.id, each.token) for each in found] == [
        ("vobiz", "MA_1", "secret-v"),
        ("plivo", "MA2", "secret-p"),
        ("twilio", "AC3", "secret-t"),
    ]
    assert [each.api_url for each in found] == [
        "https://api.vobiz.ai/api/v1",
        "https://api.plivo.com/v1",
        "https://api.twilio.com/2010-04-01",
    ]
    assert found[0].key_names == ("VOBIZ_AUTH_ID", "VOBIZ_AUTH_TOKEN")
    assert found[2].key_names == ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(account(Settings.model_validate({"keys": KEYS}), "vobiz"))


@pytest.mark.parametrize("missing", ["vobiz_auth_id", "vobiz_auth_token"])
def test_half_an_account_is_none(missing: str) -> None:
    keys = {name: key for name, key in KEYS.items() if name != missing}
    settings = Settings.model_validate({"keys": keys})
    assert account(settings, "vobiz") is None
    assert (missing_key(settings, "vobiz"), missing_key(settings, "plivo")) == (missing.upper(), "")
    assert missing_key(Settings(), "vobiz") == ""


@pytest.mark.parametrize("carrier", ["vobiz", "plivo", "twilio"])
def test_a_carrier_that_is_not_enabled_has_no_account(carrier: CarrierName) -> None:
    assert account(Settings.model_validate({"keys": KEYS, carrier: {"enabled": False}}), carrier) is None


def test_the_address_of_the_api_may_be_another_one() -> None:
    settings = Settings.model_validate({"keys": KEYS, "vobiz": {"api_url": "http://127.0.0.1:9/api/v1/"}})
    found = account(settings, "vobiz")
    assert found is not None
    assert found.api_url == "http://127.0.0.1:9/api/v1"
