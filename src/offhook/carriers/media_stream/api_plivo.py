"""Plivo's API: the same tree as Vobiz's, with HTTP's basic authorization."""

from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.api_vobiz import AccountTree
from offhook.carriers.media_stream.rest import CarrierRest, basic

__all__ = ["plivo_api"]


def plivo_api(account: Account, *, timeout_s: float = 10.0) -> AccountTree:
    """Plivo's API."""
    headers = {"Authorization": basic(account)}
    return AccountTree(account, CarrierRest(account, headers, timeout_s=timeout_s))
