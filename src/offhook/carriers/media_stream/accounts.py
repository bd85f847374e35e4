"""The accounts at the carriers: who we are there, and where their API is."""

from dataclasses import dataclass, field
from typing import get_args

from offhook.config import CarrierName, Settings

__all__ = ["CARRIERS", "Account", "account", "accounts", "key_names", "missing_key"]

CARRIERS: tuple[CarrierName, ...] = get_args(CarrierName)

_KEYS: dict[CarrierName, tuple[str, str]] = {
    "vobiz": ("vobiz_auth_id", "vobiz_auth_token"),
    "plivo": ("plivo_auth_id", "plivo_auth_token"),
    "twilio": ("twilio_account_sid", "twilio_auth_token"),
}
_API_URLS: dict[CarrierName, str] = {
    "vobiz": "https://api.vobiz.ai/api/v1",
    "plivo": "https://api.plivo.com/v1",
    "twilio": "https://api.twilio.com/2010-04-01",
}


@dataclass(frozen=True, slots=True)
class Account:
    """An account whose credentials are known. `api_url` has no slash at its end."""

    carrier: CarrierName
    id: str
    token: str = field(repr=False)
    api_url: str

    @property
    def key_names(self) -> tuple[str, str]:
        """What the id and the token are called in `.env`."""
        return key_names(self.carrier)


def key_names(carrier: CarrierName) -> tuple[str, str]:
    """What the id and the token of an account are called in `.env`."""
    id_name, token_name = _KEYS[carrier]
    return id_name.upper(), token_name.upper()


def account(settings: Settings, carrier: CarrierName) -> Account | None:
    """The account at a carrier; None unless both its id and its token are set and the carrier is enabled."""
    id_key, token_key = (getattr(settings.keys, name) for name in _KEYS[carrier])
    chosen = settings.carrier(carrier)
    if id_key is None or token_key is None or not chosen.enabled:
        return None
    api_url = (chosen.api_url or _API_URLS[carrier]).rstrip("/")
    return Account(carrier, id_key.get_secret_value(), token_key.get_secret_value(), api_url)


def missing_key(settings: Settings, carrier: CarrierName) -> str:
    """Name in `.env` of what is missing where just one of an account's id and token is set; else empty."""
    missing = [name for name in _KEYS[carrier] if getattr(settings.keys, name) is None]
    return missing[0].upper() if len(missing) == 1 and settings.carrier(carrier).enabled else ""


def accounts(settings: Settings) -> tuple[Account, ...]:
    """Every account that is set, in the order of the carriers' names in the settings."""
    found = (account(settings, carrier) for carrier in CARRIERS)
    return tuple(each for each in found if each is not None)
