"""Calls to an agent through the double of a carrier's cloud: the caller's voice, over mu-law, into media streams."""

import asyncio
from collections.abc import Sequence

from offhook.audio.convert import converter
from offhook.audio.formats import PCM_8K, AudioFormat, Encoding
from offhook.audio.g711 import mulaw_decode, mulaw_encode
from offhook.errors import CallError
from offhook.simulator.clouds.media_stream import CarrierCloud, CloudCall
from offhook.simulator.exchange import Receiver

__all__ = ["CarrierCircuit", "CarrierExchange"]

SERVER_FAULTS = 5_000
"""Hangup codes from here to 8999, but for limits that a call may reach, say that the server did something wrong."""


class CarrierExchange:
    """Phones the number whose answer URL this is. The cloud must be open for as long as there are calls."""

    def __init__(self, cloud: CarrierCloud, answer_url: str, *, hangup_url: str = ""):
        self._cloud = cloud
        self._answer_url = answer_url
        self._hangup_url = hangup_url

    async def dial(self, rate: int) -> "CarrierCircuit":
        """Ring until the call is answered. Raises CallError with the reason if it is not."""
        call = self._cloud.phone_in(self._answer_url, hangup_url=self._hangup_url, own_mouth=False)
        up, ended = asyncio.ensure_future(call.up.wait()), asyncio.ensure_future(call.ended.wait())
        await asyncio.wait([up, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not up.done():
            up.cancel()
            raise CallError(f"the call was not answered: {_why(call)}. Is `offhook serve` running?")
        return CarrierCircuit(call, rate)


class CarrierCircuit:
    """One call. What it hears comes at the positions at which it was played, 20 ms after 20 ms."""

    def __init__(self, call: CloudCall, rate: int):
        line = AudioFormat(Encoding.PCM16, rate)
        self.call_id = call.id
        self._call = call
        self._frame = line.frame_samples
        self._to_line = converter(line, PCM_8K)
        self._from_line = converter(PCM_8K, line)
        self._watching: asyncio.Task[None] | None = None

    @property
    def faults(self) -> Sequence[str]:
        """What the carrier would have refused."""
        return self._call.violations

    def listen(self, receiver: Receiver) -> None:
        """Pass on what is played from now on. The first frame tells where the others lie."""
        position: int | None = None

        def hear(frame: bytes) -> None:
            nonlocal position
            position = receiver.now if position is None else position + self._frame
            receiver.hear(self._from_line(frame), position)

        self._call.phone.ear.listeners.append(hear)
        self._watching = asyncio.create_task(self._watch(receiver))

    def send(self, pcm: bytes) -> None:
        """Send a frame; a telephone network carries it in mu-law, whatever the stream's format."""
        self._call.phone.speak(mulaw_decode(mulaw_encode(self._to_line(pcm))))

    def press(self, digit: str) -> None:
        """Press a key."""
        self._call.phone.press(digit)

    async def hang_up(self) -> None:
        """Hang up, and wait until the server has been told."""
        await self._call.hang_up()
        if self._watching is not None:
            await self._watching

    async def _watch(self, receiver: Receiver) -> None:
        await self._call.ended.wait()
        receiver.hung_up(_why(self._call) if _is_fault(self._call) else "")


def _is_fault(call: CloudCall) -> bool:
    ending = call.ending
    return ending is not None and SERVER_FAULTS <= ending.code < 9_000 and ending.status == "failed"


def _why(call: CloudCall) -> str:
    ending = call.ending
    told = f"{ending.name} ({ending.code})" if ending else "it is not over"
    return "; ".join([told, *call.log.problems])
