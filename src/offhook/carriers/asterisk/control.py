"""Our hand on one AudioSocket call, by the manager interface."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from offhook.calls.leg import CallControl
from offhook.carriers.asterisk.ami import Ami
from offhook.carriers.asterisk.ami_wire import argument
from offhook.carriers.destinations import extension, keys
from offhook.config import AsteriskSettings
from offhook.errors import CallError, CarrierError

__all__ = ["AsteriskControl", "Ending"]

_KEY_MS = 100
_PAUSE_S = 0.5


class Ending(Protocol):
    """A leg that can keep its end to itself for a moment."""

    def hold_end(self) -> None:
        """Keep it, if it comes."""
        ...

    def release_end(self) -> None:
        """Tell of it, if it came."""
        ...


class AsteriskControl:
    """Implements `CallControl` for the call `call_id`. `channel` gives the id of the caller's channel."""

    def __init__(
        self,
        ami: Ami,
        call_id: str,
        leg: Ending,
        *,
        channel: Callable[[], Awaitable[str]],
        settings: AsteriskSettings,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._ami = ami
        self._call_id = call_id
        self._leg = leg
        self._channel = channel
        self._settings = settings
        self._sleep = sleep
        self._recording = ""

    async def transfer(self, to: str) -> None:
        """Let the caller's channel go on at extension `to` of the transfer context. Raises CallError.

        Asterisk ends the AudioSocket a moment before it says that the redirect worked; the leg's end is told after."""
        context = self._settings.transfer_context
        if not context:
            hint = "Set asterisk.transfer_context to a context of the dialplan; see docs/asterisk.md."
            raise CarrierError("cannot transfer calls yet", carrier="asterisk", hint=hint, offered=False)
        chosen = extension(to)
        channel = await self._channel()
        await self._check_exists(context, chosen)
        self._leg.hold_end()
        try:
            await self._ami.action("Redirect", Channel=channel, Context=context, Exten=chosen, Priority="1")
        finally:
            asyncio.get_running_loop().call_soon(self._leg.release_end)

    async def bridge(self, other: CallControl) -> None:
        """Let the caller's channel and that of `other` talk to each other. Raises CallError.

        Asterisk takes both out of their AudioSockets a moment before it says so; the legs' ends are told after. When
        one of the two hangs up, the other goes on in the dialplan."""
        if not isinstance(other, AsteriskControl):
            raise CarrierError("cannot connect a caller with another carrier's", carrier="asterisk", offered=False)
        ours, theirs = await self._name(), await other._name()
        legs = (self._leg, other._leg)
        for leg in legs:
            leg.hold_end()
        try:
            await self._ami.action("Bridge", Channel1=ours, Channel2=theirs, Tone="no")
        finally:
            for leg in legs:
                asyncio.get_running_loop().call_soon(leg.release_end)

    async def _name(self) -> str:
        # `Bridge` takes whatever begins with what it is given: an id could mean another channel, a whole name cannot.
        channel = await self._channel()
        name = (await self._ami.action("Getvar", Channel=channel, Variable="CHANNEL(name)")).get("Value")
        if not name:
            raise CallError("Asterisk did not tell the name of a channel")
        return name

    async def send_dtmf(self, digits: str) -> None:
        """Press keys towards the caller. Raises CallError; as what is not offered where not even the first key could be
        pressed, so that the call may send tones."""
        pressed = keys(digits)
        try:
            channel = await self._channel()
            await self._press(channel, pressed[0])
        except CarrierError as error:
            problem = str(error.args[0]).partition("\n")[0]
            raise CarrierError(problem, hint=error.hint, unknown=error.unknown, offered=error.unknown) from error
        for key in pressed[1:]:
            await self._press(channel, key)

    async def _press(self, channel: str, key: str) -> None:
        if key in "wW":
            await self._sleep(_PAUSE_S)
        else:
            await self._ami.action("PlayDTMF", Channel=channel, Digit=key, Duration=str(_KEY_MS))

    async def play(self, url: str) -> None:
        """Not by Asterisk: it would have to take the caller out of the conversation."""
        raise CarrierError("plays no files during a call", carrier="asterisk", offered=False)

    async def record(self) -> str:
        """Let Asterisk record; returns the name of the file. Raises CallError."""
        if not self._recording:
            file = self._settings.record_file.replace("{call}", argument("call", self._call_id))
            await self._ami.action("MixMonitor", Channel=await self._channel(), File=file)
            self._recording = file
        return self._recording

    async def stop_recording(self) -> None:
        """End the recording, if there is one. Raises CallError."""
        if self._recording:
            await self._ami.action("StopMixMonitor", Channel=await self._channel())
            self._recording = ""

    async def _check_exists(self, context: str, chosen: str) -> None:
        # A redirect to what is not there would drop the caller. Without func_dialplan nobody knows.
        asked = f"DIALPLAN_EXISTS({context},{argument('Exten', chosen)},1)"
        if (await self._ami.action("Getvar", Variable=asked)).get("Value") == "0":
            raise CallError(f"there is no extension {chosen} in the context {context} of Asterisk's dialplan")
