"""Looks at Asterisk's manager interface: whether we are let in, may do what calls need, and are told of channels."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

from offhook.carriers.asterisk.ami import ami_account
from offhook.carriers.asterisk.ami_session import AmiAccount, AmiSession, AmiTiming
from offhook.carriers.asterisk.ami_wire import Message, argument
from offhook.carriers.destinations import extension
from offhook.checks import Check
from offhook.config import Settings
from offhook.errors import CallError, CarrierError, ConfigError, WireError

__all__ = ["asterisk_checks"]

_NEEDED = {
    "Redirect": ("transfers", "call"),
    "PlayDTMF": ("keys", "call"),
    "Getvar": ("variables", "call"),
    "CoreShowChannels": ("calls that began before us", "reporting"),
    "Originate": ("outbound calls", "originate"),
    "MixMonitor": ("recordings by Asterisk", "system"),
}
"""Actions, with what needs them and a right of `write` that allows them."""
_TOLD_WITHIN_S = 2.0
_TIMING = AmiTiming(login_s=4.0, action_s=4.0)


def asterisk_checks(settings: Settings) -> Iterator[Check]:
    """Checks of the manager interface, if the settings name a user of it."""
    try:
        account = ami_account(settings)
    except ConfigError as error:
        yield Check("asterisk", "bad", error.problem, error.hint)
        return
    if account is not None:
        yield from asyncio.run(_checks(account, settings))


async def _checks(account: AmiAccount, settings: Settings) -> list[Check]:
    events: asyncio.Queue[Message] = asyncio.Queue(1_000)

    def note(event: Message) -> None:
        if not events.full():
            events.put_nowait(event)

    try:
        session = await AmiSession.open(account, _TIMING, note)
    except (CarrierError, WireError) as error:
        problem, _, remedy = str(error).partition("\n  ")
        return [Check("asterisk", "bad", problem, remedy)]
    try:
        return [check async for check in _inside(session, account, settings, events)]
    except (CarrierError, WireError) as error:
        return [Check("asterisk", "bad", *str(error).partition("\n  ")[::2])]
    finally:
        await session.close()


async def _inside(
    session: AmiSession, account: AmiAccount, settings: Settings, events: "asyncio.Queue[Message]"
) -> AsyncIterator[Check]:
    yield Check("asterisk", "good", f'the manager user "{account.user}" is let in at {account}')
    allowed = {name.lower() for name, _ in (await session.action("ListCommands", {})).fields}
    missing = {name: needed for name, needed in _NEEDED.items() if name.lower() not in allowed}
    if missing:
        what = ", ".join(dict.fromkeys(use for use, _ in missing.values()))
        rights = ",".join(dict.fromkeys(right for _, right in missing.values()))
        yield Check("asterisk", "poor", f"the manager user may not do: {what}", f"add {rights} to its `write`")
    else:
        yield Check("asterisk", "good", "the manager user may do all that calls need")
    if "setvar" in allowed:
        yield await _told(session, events)
    if "getvar" in allowed:
        async for check in _transfers(session, settings):
            yield check


async def _told(session: AmiSession, events: "asyncio.Queue[Message]") -> Check:
    """Whether we hear of variables, by setting one that nobody uses."""
    mark = str(uuid4())
    await session.action("Setvar", {"Variable": "OFFHOOK_DOCTOR", "Value": mark})
    try:
        async with asyncio.timeout(_TOLD_WITHIN_S):
            while (await events.get()).get("Value") != mark:
                pass
    except TimeoutError:
        remedy = "let its `read` have call,dialplan, and its `eventfilter` let VarSet and Newexten through"
        return Check("asterisk", "bad", "the manager user is not told which channel a call is on", remedy)
    return Check("asterisk", "good", "the manager user is told which channel a call is on")


async def _transfers(session: AmiSession, settings: Settings) -> AsyncIterator[Check]:
    context = settings.asterisk.transfer_context
    every = [place for agent in settings.answering.values() for place in agent.transfers.values()]
    places = {place.to for place in every if not place.warm}
    if places and not context:
        yield Check("asterisk", "poor", "callers cannot be transferred", "set asterisk.transfer_context")
        return
    for place in sorted(places):
        try:
            asked = f"DIALPLAN_EXISTS({context},{argument('Exten', extension(place))},1)"
        except CallError:
            yield Check("asterisk", "poor", f"{place} is no extension of a dialplan", "name one that is, such as 6001")
            continue
        if (await session.action("Getvar", {"Variable": asked})).get("Value") == "0":
            remedy = f"add it to [{context}] in extensions.conf, then `dialplan reload`"
            yield Check("asterisk", "poor", f"there is no extension {place} in the context {context}", remedy)
