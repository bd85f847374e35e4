"""What is done to a call besides talking: handing the caller over, holding, keys, and the word on how it went."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from offhook.audio.melody import Melody
from offhook.calls.consultation import Wish
from offhook.calls.hold_music import HoldMusic
from offhook.calls.key_tones import key_tones
from offhook.calls.leg import CallControl, Leg
from offhook.calls.playout import Playout
from offhook.calls.tools.base import Sign
from offhook.calls.track import Track
from offhook.errors import CallError, CarrierError
from offhook.events import CallerHeld, CallerReturned, EndReason, EventSink

__all__ = ["Consult", "Hand"]

Consult = Callable[[Wish], Awaitable[None]]
"""Asks somebody whether they take the call over, and has them connected. Raises CallError if that comes to nothing."""


class Hand:
    """The hand on one call; implements `CallHand`.

    `held` is whether the caller hears music and is not heard. `handed_over_ms` is when somebody else took the caller,
    `taken_by` who, where it is worth a word. `disposition` and `summary` are the agent's last word on the call.
    """

    def __init__(
        self,
        leg: Leg,
        playout: Playout,
        *,
        call_id: str,
        melody: Melody,
        now_ms: Callable[[], int],
        sink: EventSink,
        on_closed: Callable[[EndReason, str], None],
        consult: Consult | None = None,
    ):
        self._leg = leg
        self._playout = playout
        self._call_id = call_id
        self._now_ms = now_ms
        self._sink = sink
        self._on_closed = on_closed
        self._consult = consult
        self._consulting: asyncio.Task[None] | None = None
        self._music = HoldMusic(melody, playout)
        self._waiting: set[asyncio.Future[Sign]] = set()
        self._connecting = False
        self._gone: tuple[EndReason, str] | None = None
        self._closed = False
        self.held = False
        self.handed_over_ms: int | None = None
        self.taken_by = ""
        self.disposition = ""
        self.summary = ""

    # Handing over

    async def transfer(self, to: str) -> None:
        """Hand the caller over to `to`; the agent falls silent and deaf. Raises CallError, and the call goes on."""
        await self.hand_over(partial(self.control.transfer, to))

    async def hand_over(self, connect: Callable[[], Awaitable[None]], taken_by: str = "") -> None:
        """Have the caller connected to somebody else by `connect`. Raises what it raises, and the call goes on."""
        self._check_there()
        self._connecting = True
        try:
            await connect()
            self.handed_over_ms = self._now_ms()
            self.taken_by = taken_by
        finally:
            self._connecting = False
            if self._gone is not None:
                self._on_closed(*self._gone)

    def keeps_end(self, reason: EndReason, detail: str) -> bool:
        """Whether the end of the leg is told later: a carrier may end it before it says that the transfer is done."""
        if self._connecting:
            self._gone = self._gone or (reason, detail)
        return self._connecting

    @property
    def control(self) -> CallControl:
        """The carrier's hand on the call. Raises CarrierError where it has none."""
        if self._leg.control is None:
            raise CarrierError("cannot transfer calls", carrier=self._leg.carrier, offered=False)
        return self._leg.control

    @property
    def consults(self) -> bool:
        """Whether somebody can be asked to take the call over."""
        return self._consult is not None

    async def consult(self, wish: Wish) -> None:
        """Ask somebody to take the call over, while the caller hears music; returns when they have it.

        Raises CallError, and the caller is back."""
        if self._consult is None:
            raise CarrierError("cannot ask anybody first", carrier=self._leg.carrier, offered=False)
        self._check_there()
        if self._consulting is not None:
            raise CallError("somebody is being asked already")
        self.hold()
        self._consulting = asyncio.ensure_future(self._consult(wish))
        try:
            await self._consulting
        except asyncio.CancelledError:
            if self._closed:
                raise CallError("the caller hung up") from None
            raise
        finally:
            self._consulting = None
            if self.handed_over_ms is None:
                self.resume()

    def _check_there(self) -> None:
        # A tool that was let go at the call's last beat begins when it is over.
        if self._closed:
            raise CallError("the caller hung up")

    # Holding

    def hold(self) -> None:
        """From now on the caller hears music behind what is being said, and is not heard. May be repeated."""
        if self.held or self._closed:
            return
        self.held = True
        self._playout.resume()
        self._music.start()
        self._sink(CallerHeld(self._call_id, self._now_ms()))

    def resume(self) -> None:
        """End the music: the caller and the agent hear each other again. May be repeated."""
        if not self.held or self._closed:
            return
        self.held = False
        self._music.stop()
        self._sink(CallerReturned(self._call_id, self._now_ms()))

    def tick(self) -> None:
        """20 ms have passed."""
        self._music.tick()

    def is_music(self, track: Track) -> bool:
        """Whether a track is music and nothing that the agent said."""
        return self._music.owns(track)

    def music_finished(self, track: Track) -> None:
        """The caller heard the music to its end."""
        self._music.finished(track)

    async def hold_for(self, seconds: float) -> Sign:
        """Let the caller hear music for so long, or until a key is pressed; returns what ended it."""
        self.hold()
        try:
            return await self.wait_for(seconds)
        finally:
            if self._consulting is None:
                self.resume()

    async def wait_for(self, seconds: float) -> Sign:
        """Let time pass until the caller speaks or presses a key, or it is over; returns what ended it."""
        if self._closed:
            return "gone"
        sign: asyncio.Future[Sign] = asyncio.get_running_loop().create_future()
        self._waiting.add(sign)
        try:
            async with asyncio.timeout(seconds):
                return await sign
        except TimeoutError:
            return "time"
        finally:
            self._waiting.discard(sign)

    def note(self, sign: Sign) -> None:
        """The caller gave a sign of life, or is gone."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(sign)

    # Keys, and the last word

    async def press(self, digits: str) -> None:
        """Press keys towards the caller: by the carrier, or as tones in the agent's audio where it cannot.

        Raises CallError."""
        control = self._leg.control
        if control is not None:
            try:
                await control.send_dtmf(digits)
            except CarrierError as error:
                if error.offered:
                    raise
            else:
                return
        track = self._playout.begin()
        track.append(key_tones(digits, self._leg.format))
        track.finish()

    def conclude(self, disposition: str, summary: str) -> None:
        """Keep the agent's word on how the call went; a later one replaces it."""
        self.disposition, self.summary = disposition, summary

    def close(self) -> None:
        """The call is ending: nobody is asked any more, and nothing is waited for."""
        self._closed = True
        self.note("gone")
        # Who has the caller is being told of it: a cancelled task loses even what it has come to.
        if self._consulting is not None and self.handed_over_ms is None:
            self._consulting.cancel()
