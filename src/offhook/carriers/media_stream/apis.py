"""Which API belongs to which carrier."""

from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.api import CarrierApi
from offhook.carriers.media_stream.api_plivo import plivo_api
from offhook.carriers.media_stream.api_twilio import twilio_api
from offhook.carriers.media_stream.api_vobiz import vobiz_api

__all__ = ["open_api"]


def open_api(account: Account, *, timeout_s: float = 10.0) -> CarrierApi:
    """The API of the account's carrier. Connects when it is first asked for something."""
    match account.carrier:
        case "vobiz":
            return vobiz_api(account, timeout_s=timeout_s)
        case "plivo":
            return plivo_api(account, timeout_s=timeout_s)
        case "twilio":
            return twilio_api(account, timeout_s=timeout_s)
