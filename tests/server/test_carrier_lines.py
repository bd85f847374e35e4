from offhook.config import Settings
from offhook.server.carrier_lines import carrier_lines

VOBIZ = {"vobiz_auth_id": "MA_1", "vobiz_auth_token": "secret"}
TWILIO = {"twilio_account_sid": "AC3", "twilio_auth_token": "secret"}


def lines(public_url: str, **keys: str) -> str:
    return "\n".join(carrier_lines(Settings.model_validate({"keys": keys}), public_url))


def test_without_an_account_nothing_is_said() -> None:
    assert lines("") == lines("https://x.example") == ""


def test_what_to_paste_where() -> None:
    text = lines("https://x.example", **VOBIZ, **TWILIO)
    assert "Vobiz        answer URL  https://x.example/vobiz/answer\n" in text
    assert "hangup URL  https://x.example/vobiz/hangup\n" in text
    assert "Twilio       answer URL  https://x.example/twilio/answer\n" in text
    assert text.endswith("status callback  https://x.example/twilio/status")


def test_without_an_address_it_is_said_how_to_get_one() -> None:
    text = lines("", **VOBIZ, **TWILIO)
    assert text.startswith("  Vobiz, Twilio: not reachable yet. Set PUBLIC_URL")
    assert "--tunnel" in text
    assert "secret" not in text
    assert len(text.splitlines()) == 2


def test_the_secret_is_not_shown() -> None:
    text = lines("https://x.example", **VOBIZ, webhook_secret="s3cret")
    assert "https://x.example/k/<WEBHOOK_SECRET>/vobiz/answer" in text
    assert "s3cret" not in text
