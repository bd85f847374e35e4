"""The calls in our application at Asterisk, from where the dialplan hands a caller over to where they go on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import structlog

from offhook.carriers.asterisk.ari import Ari, path
from offhook.carriers.asterisk.ari_call import AriCall, id_in, origin_of, surely
from offhook.carriers.asterisk.ari_wire import (
    AriChannel,
    AriEvent,
    Destroyed,
    HangupRequested,
    Left,
    Started,
)
from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.config import AsteriskSettings
from offhook.errors import CallError, CarrierError
from offhook.events import EndReason

__all__ = ["PLACED", "AriCalls"]

PLACED = "offhook-placed"
"""The argument with which calls that we place come into our application."""

_AWAY = "OFFHOOK_AWAY"
"""The variable by which the dialplan knows that a caller was not taken."""

_SETUP_S = 5.0
_FAREWELL_S = 2.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class AriCalls:
    """Connects each caller with our AudioSocket, and lets them go on when either side is done.

    `audiosocket` gives host:port at which Asterisk reaches it, or raises CarrierError. `full` is whether callers are
    sent on in the dialplan at once.
    """

    def __init__(
        self,
        ari: Ari,
        settings: AsteriskSettings,
        audiosocket: Callable[[], str],
        *,
        full: Callable[[], bool] = lambda: False,
        setup_s: float = _SETUP_S,
    ):
        self._ari = ari
        self._settings = settings
        self._audiosocket = audiosocket
        self._full = full
        self._setup_s = setup_s
        self._calls: dict[str, AriCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        ari.subscribe(self._on_event)

    def __len__(self) -> int:
        return len(self._calls)

    async def claim(self, leg: AudioSocketLeg) -> AriCall | None:
        """The call that `leg` is of, once its caller can be heard; None if that came to nothing. Does not raise."""
        call = self._calls[leg.carrier_call_id]
        call.leg = leg
        return call if await asyncio.shield(call.bridged) else None

    @property
    def in_progress(self) -> tuple[AriCall, ...]:
        """The calls of this moment, those of people who talk without us included."""
        return tuple(self._calls.values())

    def has(self, call_id: str) -> bool:
        """Whether a call of this id is one of ours."""
        return call_id in self._calls

    async def connect(self, one: AriCall, other: AriCall) -> None:
        """Let the parties of two calls talk with each other, without us. Raises CarrierError; nothing has changed
        then."""
        if not (one.inside and other.inside):
            raise CallError("one of the two has hung up")
        await one.join(other.party.id)
        one.partner, other.partner = other, one
        abandoned, other.bridge = other.bridge, one.bridge
        self._spawn(self._leave(one, other, abandoned))

    async def close(self) -> None:
        """Let callers go on who are with us; those who talk with each other do so without us."""
        for call in tuple(self._calls.values()):
            if call.inside and call.partner is None:
                self._spawn(self._send_on(call))
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_FAREWELL_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # What Asterisk tells

    def _on_event(self, event: AriEvent) -> None:
        match event:
            case Started(channel, arguments):
                self._started(channel, arguments)
            case HangupRequested(channel, cause):
                call = self._by_party(channel)
                if call is not None:
                    call.end_detail = f"cause {cause}" if cause else ""
            case Left(channel) | Destroyed(channel):
                self._gone(channel)

    def _started(self, channel: AriChannel, arguments: tuple[str, ...]) -> None:
        ours = id_in(channel.id)
        if ours:
            if ours in self._calls:
                self._calls[ours].media_came.set()
            return
        placed = arguments == (PLACED,)
        call = AriCall(self._ari, channel.id if placed else str(uuid4()), channel, placed)
        self._calls[call.id] = call
        self._spawn(self._take(call, arguments))

    def _gone(self, channel: str) -> None:
        media = self._calls.get(id_in(channel))
        party = self._by_party(channel)
        if media is not None:
            self.media_gone(media)
        elif party is not None:
            self.party_gone(party, party.end_detail)

    def _by_party(self, channel: str) -> AriCall | None:
        return next((call for call in self._calls.values() if call.party.id == channel), None)

    # A call

    async def _take(self, call: AriCall, arguments: tuple[str, ...]) -> None:
        """Connect a caller; one who cannot be connected goes on in the dialplan."""
        try:
            async with asyncio.timeout(self._setup_s):
                if self._full() and not call.placed:
                    raise CarrierError("no more calls are taken now")
                variables = asyncio.gather(*(self._variable(call, name) for name in self._settings.variables))
                await call.connect(self._audiosocket(), self._settings.ari.format)
                told = dict(zip(self._settings.variables, await variables, strict=True))
                call.origin = origin_of(call.party, arguments, {name: value for name, value in told.items() if value})
        except (CallError, TimeoutError) as error:
            problem = str(error) or f"not connected within {self._setup_s:g} s"
            log.warning("a caller in our application goes on in the dialplan", call=call.id, problem=problem)
            self._settle(call, connected=False)
            await self._turn_away(call)
        else:
            self._settle(call, connected=True)

    async def _turn_away(self, call: AriCall) -> None:
        if call.inside and not call.placed:
            await surely(call.set(_AWAY, "1"))
        await self._send_on(call)

    def _settle(self, call: AriCall, *, connected: bool) -> None:
        if not call.bridged.done():
            call.bridged.set_result(connected and call.inside)

    async def _variable(self, call: AriCall, name: str) -> str:
        try:
            return await call.value(name)
        except CarrierError as error:
            log.warning("a variable of a channel is not known", variable=name, problem=str(error))
            return ""

    def party_gone(self, call: AriCall, detail: str) -> None:
        """Who talked with us has hung up, or was sent on."""
        if self._calls.pop(call.id, None) is None:
            return
        call.inside = False
        self._settle(call, connected=False)
        if call.leg is not None:
            call.leg.end(EndReason.CALLER_HUNG_UP, detail)
        partner, call.partner = call.partner, None
        if partner is not None:
            partner.partner = None
            self._spawn(self._send_on(partner))
        else:
            self._spawn(self._clear(call))

    def media_gone(self, call: AriCall) -> None:
        """Our AudioSocket has ended: the agent is done."""
        call.media_gone = True
        if call.partner is None:
            self._settle(call, connected=False)
            self._spawn(self._send_on(call))

    async def _send_on(self, call: AriCall) -> None:
        if call.inside:
            call.inside = False
            await surely(call.go_on(self._settings.ari.after))
        self._calls.pop(call.id, None)
        await self._clear(call)

    async def _leave(self, one: AriCall, other: AriCall, abandoned: str) -> None:
        for call in (one, other):
            await surely(call.drop_media())
        await surely(self._ari.ask("DELETE", path("bridges", abandoned), fine=(404,)))

    async def _clear(self, call: AriCall) -> None:
        if not call.media_gone:
            await surely(call.drop_media())
        await surely(call.drop_bridge())

    def adopt(self, one: AriCall, other: AriCall) -> None:
        """Take on two who talk with each other without us."""
        one.partner, other.partner = other, one
        for call in (one, other):
            call.media_gone = True
            self._settle(call, connected=False)
            self._calls[call.id] = call

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
