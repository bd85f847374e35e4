"""Actions of the double of Asterisk's manager interface: who may do them, what they do, and what is answered."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from offhook.simulator.clouds.asterisk_channels import Callee, Channel

if TYPE_CHECKING:
    from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, Manager

__all__ = ["RIGHTS", "perform"]

RIGHTS: dict[str, tuple[str, ...]] = {
    "Ping": (),
    "ListCommands": (),
    "Logoff": (),
    "Originate": ("originate",),
    "Redirect": ("call",),
    "Bridge": ("call",),
    "PlayDTMF": ("call",),
    "Getvar": ("call", "reporting"),
    "Setvar": ("call",),
    "MixMonitor": ("system",),
    "StopMixMonitor": ("system", "call"),
    "Hangup": ("system", "call"),
    "CoreShowChannels": ("system", "reporting"),
}
"""Any one of these rights is enough."""
_KEYS = frozenset("0123456789*#ABCD")

Action = dict[str, str]


async def perform(pbx: "AsteriskDouble", manager: "Manager", rights: frozenset[str], action: Action) -> None:
    """Do an action and answer it."""
    name = next((each for each in RIGHTS if each.lower() == action.get("Action", "").lower()), "")
    if not name:
        _refuse(manager, action, f"Invalid/unknown command: {action.get('Action')}.")
    elif RIGHTS[name] and not rights & set(RIGHTS[name]):
        _refuse(manager, action, "Permission denied")
    elif name == "ListCommands":
        allowed = [(each, f" (Priv: {','.join(needed)})") for each, needed in RIGHTS.items() if _may(rights, needed)]
        manager.reply(action, "Success", *allowed)
    else:
        await _DEEDS[name](pbx, manager, action)


def _may(rights: frozenset[str], needed: tuple[str, ...]) -> bool:
    return not needed or bool(rights & set(needed))


def _refuse(manager: "Manager", action: Action, message: str) -> None:
    manager.reply(action, "Error", ("Message", message))


async def _ping(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    manager.reply(action, "Success", ("Ping", "Pong"), ("Timestamp", "1795249107.457199"))


async def _log_off(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    manager.reply(action, "Goodbye", ("Message", "Thanks for all the fish."))
    manager.abort()


async def _redirect(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    channel = pbx.find(action.get("Channel", ""))
    if channel is None:
        _refuse(manager, action, f"Channel does not exist: {action.get('Channel')}")
        return
    # The AudioSocket ends a moment before the answer is sent.
    await pbx.redirect(channel, action["Context"], action["Exten"])
    manager.reply(action, "Success", ("Message", "Redirect successful"))


async def _bridge(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    if not (action.get("Channel1") and action.get("Channel2")):
        _refuse(manager, action, "Missing channel parameter in request")
        return
    found: list[Channel] = []
    for field in ("Channel1", "Channel2"):
        channel = pbx.find_beginning(action[field])
        if channel is None:
            _refuse(manager, action, f"{field} does not exist: {action[field]}")
            return
        found.append(channel)
    # Both AudioSockets end a moment before the answer is sent.
    await pbx.bridge(*found)
    manager.reply(action, "Success", ("Message", "Channels have been bridged"))


async def _play_dtmf(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    channel = pbx.find(action.get("Channel", ""))
    if channel is None:
        _refuse(manager, action, "Channel not found")
    elif action.get("Digit") not in _KEYS:
        _refuse(manager, action, "No digit specified")
    else:
        channel.keys += action["Digit"]
        manager.reply(action, "Success", ("Message", "DTMF successfully queued"))


async def _getvar(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    channel, name = pbx.find(action.get("Channel", "")), action.get("Variable", "")
    if "Channel" in action and channel is None:
        _refuse(manager, action, "No such channel")
        return
    known = {"CHANNEL(name)": channel.name, **channel.variables} if channel is not None else {}
    manager.reply(action, "Success", ("Variable", name), ("Value", known.get(name, _function(pbx, name))))


def _function(pbx: "AsteriskDouble", text: str) -> str:
    name, _, arguments = text.removesuffix(")").partition("(")
    if name != "DIALPLAN_EXISTS" or name not in pbx.functions:
        return ""
    context, extension, _ = arguments.split(",")
    return "1" if (context, extension) in pbx.dialplan else "0"


async def _setvar(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    manager.reply(action, "Success", ("Message", "Variable Set"))
    nobody = (("Channel", "none"), ("Uniqueid", "none"))
    pbx.tell("dialplan", "VarSet", *nobody, ("Variable", action["Variable"]), ("Value", action["Value"]))


async def _mix_monitor(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    channel = pbx.find(action.get("Channel", ""))
    if channel is None:
        _refuse(manager, action, "No such channel")
        return
    channel.recordings.append(action["File"])
    manager.reply(action, "Success")


async def _stop_mix_monitor(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    channel = pbx.find(action.get("Channel", ""))
    if channel is None or not channel.recordings:
        _refuse(manager, action, "Could not stop monitoring channel")
        return
    channel.recordings.clear()
    manager.reply(action, "Success")


async def _hangup(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    channel = pbx.find(action.get("Channel", ""))
    if channel is None:
        _refuse(manager, action, "No such channel")
        return
    manager.reply(action, "Success", ("Message", "Channel Hungup"))
    await pbx.hang_up(channel, action.get("Cause", "0"))


async def _core_show_channels(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    manager.reply(action, "Success", ("EventList", "start"), ("Message", "Channels will follow"))
    for channel in pbx.channels.values():
        runs = (("Application", channel.application), ("ApplicationData", channel.data), ("Duration", "00:00:01"))
        manager.list_item(action, "CoreShowChannel", *channel.fields(), *runs)
    end = (("EventList", "Complete"), ("ListItems", str(len(pbx.channels))))
    manager.list_item(action, "CoreShowChannelsComplete", *end)


async def _originate(pbx: "AsteriskDouble", manager: "Manager", action: Action) -> None:
    manager.reply(action, "Success", ("Message", "Originate successfully queued"))
    pbx.spawn(_dial(pbx, action))


async def _dial(pbx: "AsteriskDouble", action: Action) -> None:
    technology, _, rest = action["Channel"].partition("/")
    number = rest.partition("@")[0]
    if technology not in ("PJSIP", "Local"):
        _originated(pbx, action, "Failure", "0")
        return
    channel = pbx.channel(f"{technology}/{number}", "from-trunk", number, unique_id=action["ChannelId"])
    channel.state, channel.number = "Down", action.get("CallerID", "")
    pbx.tell("call", "Newchannel", *channel.fields())
    await _try(pbx, action, channel, pbx.callees.get(number, Callee()))


async def _try(pbx: "AsteriskDouble", action: Action, channel: Channel, callee: Callee) -> None:
    if callee.does == "congestion":
        await pbx.hang_up(channel, "34")
        _originated(pbx, action, "Failure", "8")
    elif callee.does == "busy":
        _originated(pbx, action, "Failure", "5")
        await pbx.hang_up(channel, "17")
    else:
        await _ring(pbx, action, channel, callee)


async def _ring(pbx: "AsteriskDouble", action: Action, channel: Channel, callee: Callee) -> None:
    channel.state = "Ringing"
    pbx.tell("call", "Newstate", *channel.fields())
    within_s = int(action["Timeout"]) / 1000
    try:
        await asyncio.wait_for(channel.gone.wait(), within_s if callee.does == "silent" else callee.rings_s)
    except TimeoutError:
        await _rang_out(pbx, action, channel, callee)
    else:
        _originated(pbx, action, "Failure", "1")


async def _rang_out(pbx: "AsteriskDouble", action: Action, channel: Channel, callee: Callee) -> None:
    if callee.does == "silent":
        _originated(pbx, action, "Failure", "3")
        await pbx.hang_up(channel, "0")
        return
    channel.state = "Up"
    pbx.tell("call", "Newstate", *channel.fields())
    _originated(pbx, action, "Success", "4")
    channel.application, channel.data = action["Application"], action["Data"]
    call_id, _, address = action["Data"].partition(",")
    host, _, port = address.rpartition(":")
    await pbx.plug_in(channel, call_id, (host, int(port)))


def _originated(pbx: "AsteriskDouble", action: Action, word: str, reason: str) -> None:
    told = (
        *((("ActionID", action["ActionID"]),) if "ActionID" in action else ()),
        ("Response", word),
        ("Channel", action["Channel"]),
        ("Application", action.get("Application", "")),
        ("Data", action.get("Data", "")),
        ("Reason", reason),
        ("Uniqueid", action["ChannelId"]),
    )
    pbx.tell("call", "OriginateResponse", *told)


_DEEDS: dict[str, Callable[["AsteriskDouble", "Manager", Action], Awaitable[None]]] = {
    "Ping": _ping,
    "Logoff": _log_off,
    "Originate": _originate,
    "Redirect": _redirect,
    "Bridge": _bridge,
    "PlayDTMF": _play_dtmf,
    "Getvar": _getvar,
    "Setvar": _setvar,
    "MixMonitor": _mix_monitor,
    "StopMixMonitor": _stop_mix_monitor,
    "Hangup": _hangup,
    "CoreShowChannels": _core_show_channels,
}
