"""Looks at Asterisk's REST interface: whether we are let in, and whether Asterisk has what calls need."""

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from offhook.carriers.asterisk.ari import Ari, AriAccount, AriTiming, ari_account
from offhook.checks import Check
from offhook.config import Settings
from offhook.errors import CarrierError, ConfigError

__all__ = ["ari_checks"]

_NEEDED = {
    "app_stasis": "callers in our application",
    "res_stasis_answer": "callers in our application",
    "chan_audiosocket": "the sound of calls",
    "func_dialplan": "transfers that are checked first",
    "res_stasis_recording": "recordings by Asterisk",
    "chan_bridge_media": "recordings by Asterisk",
}
"""Modules, with what needs them."""
_VITAL = ("app_stasis", "res_stasis_answer", "chan_audiosocket")


def ari_checks(settings: Settings) -> Iterator[Check]:
    """Checks of the REST interface, if the settings name a user of it."""
    try:
        account = ari_account(settings)
    except ConfigError as error:
        yield Check("asterisk", "bad", error.problem, error.hint)
        return
    if account is None:
        return
    if not _is_safe(account.url):
        remedy = "use https://, or reach it through a network of your own"
        yield Check("asterisk", "poor", f"the password of ari.conf goes to {account.url} for all to read", remedy)
    try:
        yield from asyncio.run(_ask(account))
    except CarrierError as error:
        yield Check("asterisk", "bad", *str(error).partition("\n  ")[::2])


async def _ask(account: AriAccount) -> list[Check]:
    ari = Ari(account, AriTiming(request_s=4.0))
    try:
        await ari.ask("GET", "/asterisk/info")
        listed = await ari.ask("GET", "/asterisk/modules")
    finally:
        await ari.close()
    there = {str(each.get("name")).removesuffix(".so") for each in listed} if isinstance(listed, list) else set()
    found = [Check("asterisk", "good", f'the REST user "{account.user}" is let in at {account.url}')]
    missing = [name for name in _NEEDED if name not in there]
    if missing:
        what = ", ".join(dict.fromkeys(_NEEDED[name] for name in missing))
        remedy = f"load {', '.join(missing)}; see modules.conf"
        vital = set(missing) & set(_VITAL)
        found.append(Check("asterisk", "bad" if vital else "poor", f"Asterisk lacks modules for: {what}", remedy))
    else:
        found.append(Check("asterisk", "good", "Asterisk has the modules that calls by its REST interface need"))
    return found


def _is_safe(url: str) -> bool:
    """Whether nobody on the way can read what is asked."""
    parts = urlsplit(url)
    try:
        return parts.scheme == "https" or ip_address(parts.hostname or "").is_private
    except ValueError:
        return "." not in (parts.hostname or "")
