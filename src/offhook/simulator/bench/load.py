"""Many callers in one process: each sends a stamped frame every 20 ms and notes what comes back.

The callers share one clock that serves a tenth of them every 2 ms: as on a real switch, their frames do not all fall
due in the same instant. The clock measures its own lateness, so that a result which the load itself spoilt is known.
"""

import asyncio
import time
from array import array
from typing import cast
from uuid import uuid4

from offhook.carriers.audiosocket.wire import Audio, CallId, Kind, Parser, Sender, audio_header, encode
from offhook.errors import CallError, WireError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench.stamps import FRAME_BYTES, read_stamp, write_stamp

__all__ = ["Load", "LoadCall"]

SLOTS = 10
SLOT_S = 0.002
DRAIN_S = 0.3
HEADER = audio_header(Kind.AUDIO_8K, FRAME_BYTES)


class LoadCall(asyncio.Protocol):
    """One caller. The arrays grow while `measuring`: arrivals of all frames, and of stamped ones sequence, times.

    Times are nanoseconds of CLOCK_MONOTONIC. `dropped` says why the call ended before it should have, if it did.
    """

    def __init__(self) -> None:
        self.measuring = False
        self.sequence = 0
        self.first_measured = 0
        self.dropped = ""
        self.gone = asyncio.Event()
        self._over = False
        self.arrivals = array("Q")
        self.sequences = array("L")
        self.sent = array("Q")
        self.heard = array("Q")
        self.returned = array("Q")
        self._parser = Parser(Sender.SERVER)
        self._frame = bytearray(HEADER + bytes(FRAME_BYTES))
        self._transport: asyncio.Transport | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection still."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce the call."""
        # uvloop's transport of a connection is one by its methods, not by its class.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(encode(CallId(uuid4())))

    def data_received(self, data: bytes) -> None:
        """Note what came, and when."""
        now = time.monotonic_ns()
        try:
            for message in self._parser.feed(data):
                if isinstance(message, Audio) and self.measuring:
                    self._note(message.payload, now)
        except WireError as error:
            self.dropped = str(error)
            self.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up, or this side did."""
        if not self._over:
            self.dropped = str(exc or "the server hung up")
        self._transport = None
        self.gone.set()

    def send(self) -> None:
        """Send the next frame, stamped now."""
        if self._transport is None:
            return
        write_stamp(self._frame, len(HEADER), self.sequence, time.monotonic_ns())
        self._transport.write(bytes(self._frame))
        self.sequence += 1

    def begin_measuring(self) -> None:
        """From the next frame on."""
        self.first_measured = self.sequence
        self.measuring = True

    def hang_up(self) -> None:
        """End the call as Asterisk does when the caller hangs up."""
        self._over = True
        if self._transport is not None:
            self._transport.close()

    def _note(self, payload: bytes, now: int) -> None:
        self.arrivals.append(now)
        stamp = read_stamp(payload)
        if stamp is not None and stamp.sequence >= self.first_measured:
            self.sequences.append(stamp.sequence)
            self.sent.append(stamp.sent_ns)
            self.heard.append(stamp.heard_ns)
            self.returned.append(now)


class Load:
    """`calls` callers of one server. `lateness_ns` has the clock's own, one value a slot, of the measured time."""

    def __init__(self, address: Address, calls: int):
        self.address = address
        self.calls = [LoadCall() for _ in range(calls)]
        self.lateness_ns = array("Q")
        self.cpu_s = 0.0
        self.window_s = 0.0
        self._slots: list[list[LoadCall]] = [[] for _ in range(SLOTS)]
        self._clock: asyncio.Task[None] | None = None
        self._measuring = False

    async def start(self, ramp_s: float) -> None:
        """Connect all callers, spread over `ramp_s`; each sends from the first moment. Raises CallError."""
        loop = asyncio.get_running_loop()
        self._clock = asyncio.create_task(self._run())
        for number, call in enumerate(self.calls):
            try:
                await loop.create_connection(lambda call=call: call, self.address.host, self.address.port)  # type: ignore[misc]
            except OSError as error:
                raise CallError(f"cannot connect to {self.address}: {error.strerror or error}") from error
            self._slots[number % SLOTS].append(call)
            await asyncio.sleep(ramp_s / len(self.calls))

    async def measure(self, seconds: float) -> None:
        """Keep the calls up and note everything, for `seconds`."""
        for call in self.calls:
            call.begin_measuring()
        cpu, start = time.process_time(), time.monotonic()
        self._measuring = True
        await asyncio.sleep(seconds)
        self._measuring = False
        self.window_s = time.monotonic() - start
        self.cpu_s = time.process_time() - cpu

    async def stop(self) -> None:
        """Stop sending, let what is on its way come back, and hang up."""
        if self._clock is not None:
            self._clock.cancel()
        await asyncio.sleep(DRAIN_S)
        for call in self.calls:
            call.measuring = False
            call.hang_up()
        gone = [asyncio.create_task(call.gone.wait()) for call in self.calls if call.connected]
        if gone:
            await asyncio.wait(gone, timeout=DRAIN_S)

    async def _run(self) -> None:
        start, ticks = time.monotonic(), 0
        while True:
            ticks += 1
            due = start + ticks * SLOT_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._measuring:
                self.lateness_ns.append(max(0, int((time.monotonic() - due) * 1e9)))
            for call in self._slots[ticks % SLOTS]:
                call.send()
