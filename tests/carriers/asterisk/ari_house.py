"""What the tests of the REST interface share: the double, a connection to it, and an AudioSocket for its calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from offhook.audio.convert import converter
from offhook.carriers.asterisk.ari import Ari, AriAccount, AriTiming
from offhook.carriers.asterisk.ari_call import AriCall
from offhook.carriers.asterisk.ari_calls import AriCalls
from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.carriers.audiosocket.server import AudioSocketServer
from offhook.config import AsteriskSettings, AudioSocketSettings
from offhook.events import EndReason
from offhook.simulator.clouds.asterisk_ari import AriDouble

__all__ = ["PATIENCE_S", "QUICK", "House", "account", "holds", "listening", "taking_callers"]

PATIENCE_S = 20
QUICK = AriTiming(first_pause_s=0.01, longest_pause_s=0.02, refused_pause_s=0.01)


def account(pbx: AriDouble, secret: str = "") -> AriAccount:
    return AriAccount(pbx.url, "offhook", secret or pbx.users["offhook"])


async def holds(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not (found := condition()):  # noqa: ASYNC110 - sockets have no event
            await asyncio.sleep(0.005)
    return found


@asynccontextmanager
async def listening(pbx: AriDouble, timing: AriTiming = QUICK, **prepared: Any) -> AsyncIterator[Ari]:
    """A connection to the double's REST interface, once events come."""
    ari = Ari(account(pbx), timing)
    for name, value in prepared.items():
        setattr(ari, name, value)
    running = asyncio.create_task(ari.run())
    try:
        await asyncio.wait_for(ari.connected.wait(), PATIENCE_S)
        yield ari
    finally:
        running.cancel()
        await asyncio.wait([running])
        await ari.close()


class Heard:
    """Takes what a leg tells."""

    def __init__(self) -> None:
        self.frames = 0
        self.digits = ""
        self.ends: list[tuple[EndReason, str]] = []
        self.ended = asyncio.Event()

    def on_audio(self, frame: bytes) -> None:
        self.frames += 1

    def on_dtmf(self, digit: str) -> None:
        self.digits += digit

    def on_played(self, name: str) -> None:
        raise AssertionError(name)

    def on_closed(self, reason: EndReason, detail: str) -> None:
        self.ends.append((reason, detail))
        self.ended.set()


@dataclass
class House:
    """The double, our connection, and the calls that came; `answered` has those that can be heard."""

    pbx: AriDouble
    ari: Ari
    calls: AriCalls
    settings: AsteriskSettings
    server: AudioSocketServer
    answered: list[tuple[AriCall, AudioSocketLeg, Heard]] = field(default_factory=list)
    refused: list[AudioSocketLeg] = field(default_factory=list)

    async def first(self) -> tuple[AriCall, AudioSocketLeg, Heard]:
        await holds(lambda: self.answered)
        return self.answered[0]


@asynccontextmanager
async def taking_callers(
    pbx: AriDouble, audiosocket: str = "", full: Callable[[], bool] = lambda: False, setup_s: float = 5.0, **tree: Any
) -> AsyncIterator[House]:
    """Callers of the double's application are taken."""
    settings = AsteriskSettings.model_validate({"transfer_context": "transfers", **tree})
    tasks: set[asyncio.Task[None]] = set()
    there: House

    def take(leg: AudioSocketLeg) -> None:
        task = asyncio.get_running_loop().create_task(introduce(leg))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def introduce(leg: AudioSocketLeg) -> None:
        heard = Heard()
        call = await there.calls.claim(leg) if there.calls.has(leg.carrier_call_id) else None
        leg.attach(heard)
        if call is None:
            there.refused.append(leg)
            await leg.close(EndReason.ERROR)
        else:
            there.answered.append((call, leg, heard))

    server = AudioSocketServer(AudioSocketSettings(port=0), take, converter)
    await server.start()
    try:
        async with listening(pbx) as ari:
            address = audiosocket or f"127.0.0.1:{server.port}"
            calls = AriCalls(ari, settings, lambda: address, full=full, setup_s=setup_s)
            there = House(pbx, ari, calls, settings, server)
            yield there
            await calls.close()
    finally:
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.stop()
