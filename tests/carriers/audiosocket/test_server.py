"""The listening port, over loopback."""

import asyncio
import gc
import os
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from uuid import UUID

import pytest

from offhook.audio.convert import converter
from offhook.audio.formats import PCM_8K
from offhook.carriers.audiosocket.connection import Timing
from offhook.carriers.audiosocket.server import AudioSocketServer
from offhook.carriers.audiosocket.wire import Audio, Hangup, Kind, encode
from offhook.config import AudioSocketSettings
from offhook.errors import ConfigError
from offhook.events import EndReason
from tests.carriers.audiosocket.doubles import PACKET, Asterisk, Switchboard

SILENCE = encode(Audio(Kind.AUDIO_8K, PCM_8K.silence))
HANGUP = encode(Hangup())
ANY_PORT = AudioSocketSettings(port=0)
HASTY = Timing(first_message_s=0.05, half_message_s=0.05, drain_s=0.5, detect_frames=1)


@asynccontextmanager
async def listening(
    switchboard: Switchboard, settings: AudioSocketSettings = ANY_PORT, timing: Timing | None = None
) -> AsyncIterator[AudioSocketServer]:
    server = AudioSocketServer(settings, switchboard.on_call, converter, timing)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_call_both_ways_and_back_into_the_dialplan() -> None:
    switchboard = Switchboard()
    async with listening(switchboard) as server:
        asterisk = await Asterisk(server.port).connect()
        await asterisk.identify()
        await asterisk.say(PACKET * 3)
        assert await asterisk.hear(len(SILENCE)) == SILENCE
        await switchboard.arrived.wait()
        leg, call = switchboard.legs[0], switchboard.calls[0]
        assert leg.carrier_call_id == str(asterisk.call_id)
        await eventually(lambda: len(call.frames) == 3)
        leg.send(b"\x01\x02" * 160)
        assert await asterisk.hear(len(PACKET)) == b"\x10\x01\x40" + b"\x01\x02" * 160
        await asterisk.say(PACKET * 50)
        closing = asyncio.create_task(leg.close(EndReason.HANDED_BACK))
        assert await asterisk.hear_out() == HANGUP
        asterisk.hang_up()
        await closing
        assert (call.ends, server.calls) == ([], 0)
        assert server.counters == {"connections": 1, "calls": 1}


async def test_a_caller_hanging_up_ends_the_call() -> None:
    switchboard = Switchboard()
    async with listening(switchboard) as server:
        asterisk = await Asterisk(server.port).connect()
        await asterisk.identify()
        await asterisk.say(PACKET)
        await switchboard.arrived.wait()
        asterisk.hang_up()
        await switchboard.calls[0].ended.wait()
        await switchboard.legs[0].close(EndReason.CALLER_HUNG_UP)
        assert switchboard.calls[0].ends == [EndReason.CALLER_HUNG_UP]


async def test_stopping_ends_the_calls_and_frees_the_port() -> None:
    switchboard = Switchboard()
    async with listening(switchboard) as server:
        port = server.port
        asterisk = await Asterisk(port).connect()
        await asterisk.identify()
        await asterisk.say(PACKET)
        await switchboard.arrived.wait()
        stopping = asyncio.create_task(server.stop())
        assert (await asterisk.hear_out()).endswith(HANGUP)
        asterisk.hang_up()
        await stopping
        await server.stop()
    assert switchboard.calls[0].ends == [EndReason.SHUTDOWN]
    async with listening(Switchboard(), AudioSocketSettings(port=port)) as again:
        assert again.port == port


async def test_a_port_in_use_says_what_to_do() -> None:
    async with listening(Switchboard()) as server:
        settings = AudioSocketSettings(port=server.port)
        with pytest.raises(ConfigError) as caught:
            await AudioSocketServer(settings, Switchboard().on_call, converter).start()
    assert caught.value.setting == "audiosocket.port"
    assert f"port {settings.port} on 127.0.0.1 is in use" in str(caught.value)
    assert "ss -ltnp" in caught.value.hint


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_an_address_of_another_machine_says_so(host: str) -> None:
    with pytest.raises(ConfigError, match="is no address of this machine") as caught:
        await AudioSocketServer(AudioSocketSettings(host=host, port=0), Switchboard().on_call, converter).start()
    assert caught.value.setting == "audiosocket.host"


async def test_a_peer_outside_the_allow_list_is_ended() -> None:
    settings = AudioSocketSettings(port=0, allow=(ip_network("192.0.2.0/24"),))
    async with listening(Switchboard(), settings) as server:
        asterisk = await Asterisk(server.port).connect()
        assert await asterisk.hear_out() == b""
        asterisk.hang_up()
        assert server.counters == {"connections": 1, "refused": 1}


class Siege:
    """Peers that do it wrong, each in its own way, and a call in progress among them."""

    def __init__(self, server: AudioSocketServer, switchboard: Switchboard, taken: UUID):
        self._port = server.port
        self._switchboard = switchboard
        self._taken = taken
        self.ways: list[Callable[[], Awaitable[None]]] = [
            lambda: self._says(b"GET / HTTP/1.1\r\n\r\n", call=False),
            lambda: self._says(PACKET + b"\x10\x00\x00"),
            lambda: self._says(PACKET + b"\x10\xff\xfe"),
            lambda: self._says(PACKET + b"\x42\x00\x00"),
            lambda: self._says(PACKET + PACKET[:50]),
            lambda: self._says(b"", call=False),
            lambda: self._says(b"", taken=True),
            self._never_reads,
            self._looks_in,
            self._resets,
        ]

    async def _says(self, data: bytes, *, call: bool = True, taken: bool = False) -> None:
        asterisk = await Asterisk(self._port).connect()
        if call:
            await asterisk.identify(self._taken if taken else None)
        await asterisk.say(data)
        await asterisk.hear_out()
        asterisk.hang_up()

    async def _never_reads(self) -> None:
        asterisk = await Asterisk(self._port, receive_buffer=4_096).connect()
        await asterisk.identify()
        await asterisk.say(PACKET)
        await eventually(lambda: any(leg.carrier_call_id == str(asterisk.call_id) for leg in self._switchboard.legs))
        at = next(n for n, leg in enumerate(self._switchboard.legs) if leg.carrier_call_id == str(asterisk.call_id))
        leg, call = self._switchboard.legs[at], self._switchboard.calls[at]
        while not call.ends:
            for _ in range(50):
                leg.send(PCM_8K.silence)
            await asyncio.sleep(0)
        assert call.ends == [EndReason.PEER_STALLED]
        asterisk.hang_up()

    async def _looks_in(self) -> None:
        (await Asterisk(self._port).connect()).hang_up()

    async def _resets(self) -> None:
        asterisk = await Asterisk(self._port).connect()
        await asterisk.identify()
        await asterisk.say(PACKET)
        await asterisk.hear(len(SILENCE))
        asterisk.reset()

    async def wave(self, each: int) -> None:
        """Every way, `each` times, all at once."""
        await asyncio.gather(*(way() for way in self.ways for _ in range(each)))
        self._switchboard.legs[1:] = []
        self._switchboard.calls[1:] = []


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files in /proc")  # noqa: PTH112
async def test_a_thousand_bad_calls_leave_nothing_behind() -> None:
    switchboard = Switchboard()
    async with listening(switchboard, timing=HASTY) as server:
        good = await Asterisk(server.port).connect()
        await good.identify()
        await good.say(PACKET)
        await switchboard.arrived.wait()
        leg, call = switchboard.legs[0], switchboard.calls[0]
        siege = Siege(server, switchboard, good.call_id)
        # Traced from before the first wave, which fills the pools that the interpreter keeps for later.
        tracemalloc.start()
        await siege.wave(10)
        await eventually(lambda: server.connections == 1)
        gc.collect()
        before = (open_files(), len(asyncio.all_tasks()), tracemalloc.get_traced_memory()[0])
        for _ in range(10):
            await siege.wave(10)
        await eventually(lambda: server.connections == 1)
        gc.collect()
        after = (open_files(), len(asyncio.all_tasks()), tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert after[:2] == before[:2]
        assert after[2] - before[2] < 100_000, "more than 100 bytes for each bad call"
        assert server.calls == 1
        faults = {name: n for name, n in server.counters.items() if name not in ("connections", "calls")}
        assert faults == {
            "wrong_first_message": 110,
            "empty_audio": 110,
            "giant_audio": 110,
            "unknown_kind": 110,
            "half_message": 110,
            "no_uuid": 110,
            "duplicate_uuid": 110,
            "peer_stalled": 110,
        }
        heard = len(call.frames)
        await good.say(PACKET)
        await eventually(lambda: len(call.frames) == heard + 1)
        leg.send(PCM_8K.silence)
        assert (await good.hear(2 * len(SILENCE))) == SILENCE * 2
        assert call.ends == []
        good.hang_up()
        await call.ended.wait()
