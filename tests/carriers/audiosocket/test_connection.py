"""A connection from first byte to last, with a transport and a clock of our own."""

import asyncio
import socket
from ipaddress import ip_network
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from offhook.audio.convert import converter
from offhook.audio.formats import PCM_8K, PCM_16K
from offhook.audio.g711 import mulaw_decode
from offhook.carriers.audiosocket.connection import Connection, Timing
from offhook.carriers.audiosocket.registry import Registry
from offhook.carriers.audiosocket.wire import Audio, CallId, Dtmf, Failure, Hangup, Kind, encode
from offhook.events import EndReason
from tests.carriers.audiosocket.doubles import CALL_ID, HELLO, PACKET, Call, Clock, Switchboard, Transport

SILENCE = encode(Audio(Kind.AUDIO_8K, PCM_8K.silence))
HANGUP = encode(Hangup())


class Scene:
    """One port, and who connects to it."""

    def __init__(self, answer: bool = True):
        self.registry = Registry([ip_network("127.0.0.0/8")])
        self.switchboard = Switchboard(answer)
        self.clock = Clock()

    def connect(self, peer: tuple[str, int] | None = ("127.0.0.1", 40_000)) -> tuple[Connection, Transport]:
        connection = Connection(self.registry, self.switchboard.on_call, converter, Timing(), self.clock.call_later)
        transport = Transport(peer)
        connection.connection_made(transport)
        return connection, transport

    def call(self) -> tuple[Connection, Transport, Call]:
        connection, transport = self.connect()
        connection.data_received(HELLO + PACKET)
        return connection, transport, self.switchboard.calls[-1]


def faults(scene: Scene) -> dict[str, int]:
    return {name: n for name, n in scene.registry.counters.items() if name not in ("connections", "calls")}


def test_the_first_audio_fixes_the_format_and_is_delivered() -> None:
    scene = Scene()
    _, transport, call = scene.call()
    assert scene.switchboard.legs[0].format == PCM_8K
    assert scene.switchboard.legs[0].peer == "127.0.0.1:40000"
    assert call.said == [PACKET[3:]]
    assert transport.writes == [SILENCE]
    assert scene.clock.due == []


def test_small_frames_leave_at_once_and_a_vanished_peer_is_noticed() -> None:
    _, transport, _ = Scene().call()
    assert transport.socket.options[socket.IPPROTO_TCP, socket.TCP_NODELAY] == 1
    assert transport.socket.options[socket.SOL_SOCKET, socket.SO_KEEPALIVE] == 1


def test_16_khz_makes_a_leg_of_16_khz() -> None:
    scene = Scene()
    connection, transport = scene.connect()
    connection.data_received(HELLO)
    connection.data_received(encode(Audio(Kind.AUDIO_16K, bytes(640))))
    leg = scene.switchboard.legs[0]
    leg.send(PCM_16K.silence)
    assert leg.format == PCM_16K
    assert transport.writes[-1][:3] == b"\x12\x02\x80"


def test_raw_mulaw_makes_a_linear_leg() -> None:
    scene = Scene()
    connection, _ = scene.connect()
    connection.data_received(HELLO + b"\x10\x00\xa0" + b"\xfe" * 160)
    assert scene.switchboard.legs[0].format == PCM_8K
    assert scene.switchboard.calls[0].said == [mulaw_decode(b"\xfe" * 160)]


def test_without_audio_silence_is_sent_and_the_format_is_8_khz_after_100_ms() -> None:
    scene = Scene()
    connection, transport = scene.connect()
    connection.data_received(HELLO)
    sent = [len(transport.writes)]
    for _ in range(4):
        scene.clock.pass_time(0.02)
        sent.append(len(transport.writes))
    assert (sent, scene.switchboard.legs) == ([1, 2, 3, 4, 5], [])
    scene.clock.pass_time(0.02)
    assert set(transport.writes) == {SILENCE}
    assert [leg.format for leg in scene.switchboard.legs] == [PCM_8K]
    assert scene.clock.due == []


def test_audio_that_comes_later_at_another_rate_is_converted() -> None:
    scene = Scene()
    connection, _ = scene.connect()
    connection.data_received(HELLO)
    scene.clock.pass_time(0.2)
    connection.data_received(encode(Audio(Kind.AUDIO_16K, bytes(640))))
    assert scene.switchboard.calls[0].said == [PCM_8K.silence]


def test_digits_are_delivered_and_other_tones_ignored() -> None:
    scene = Scene()
    connection, _, call = scene.call()
    connection.data_received(encode(Dtmf("#")) + encode(Dtmf("f")) + encode(Dtmf("A")))
    assert call.said[1:] == ["#", "A"]
    assert faults(scene) == {}


def test_a_digit_before_any_audio_is_not_lost() -> None:
    scene = Scene()
    connection, _ = scene.connect()
    connection.data_received(HELLO + encode(Dtmf("1")))
    assert scene.switchboard.calls[0].said == ["1"]


def test_end_of_file_is_the_caller_hanging_up() -> None:
    scene = Scene()
    connection, transport, call = scene.call()
    connection.eof_received()
    connection.connection_lost(None)
    assert call.ends == [EndReason.CALLER_HUNG_UP]
    assert (transport.deeds, scene.registry.calls, scene.registry.visitors) == (["close"], 0, ())
    assert faults(scene) == {}


def test_end_of_file_drops_what_the_peer_has_not_read() -> None:
    scene = Scene()
    connection, transport, _ = scene.call()
    transport.unread = 1
    connection.eof_received()
    assert transport.deeds == ["abort"]


def test_end_of_file_within_a_message_is_told() -> None:
    scene = Scene()
    connection, _, call = scene.call()
    connection.data_received(PACKET[:100])
    connection.eof_received()
    assert call.said[-1] == (EndReason.CALLER_HUNG_UP, "in the middle of a message")


def test_a_hangup_message_is_the_caller_hanging_up() -> None:
    scene = Scene()
    connection, transport, call = scene.call()
    connection.data_received(HANGUP + PACKET)
    assert call.ends == [EndReason.CALLER_HUNG_UP]
    assert len(call.frames) == 1
    assert transport.deeds == ["eof"]


@pytest.mark.parametrize(
    ("code", "reason"), [(1, EndReason.CALLER_HUNG_UP), (2, EndReason.ERROR), (0x77, EndReason.ERROR)]
)
def test_an_error_message_ends_the_call_and_names_its_code(code: int, reason: EndReason) -> None:
    scene = Scene()
    connection, _, call = scene.call()
    connection.data_received(encode(Failure(code)))
    assert call.said[-1] == (reason, f"error message 0x{code:02x}")


@pytest.mark.parametrize("exc", [ConnectionResetError("reset by peer"), BrokenPipeError("reset by peer")])
def test_a_reset_is_the_caller_hanging_up(exc: Exception) -> None:
    scene = Scene()
    connection, _, call = scene.call()
    with capture_logs() as logs:
        connection.connection_lost(exc)
    assert call.said[-1] == (EndReason.CALLER_HUNG_UP, "reset by peer")
    assert [entry["log_level"] for entry in logs] == ["info"]
    assert (faults(scene), scene.registry.calls, scene.registry.visitors) == ({}, 0, ())


@pytest.mark.parametrize(
    ("exc", "reason"),
    [(TimeoutError("timed out"), EndReason.PEER_STALLED), (OSError("no route to host"), EndReason.ERROR)],
)
def test_a_vanished_peer_ends_the_call(exc: Exception, reason: EndReason) -> None:
    scene = Scene()
    connection, _, call = scene.call()
    connection.connection_lost(exc)
    assert call.said[-1] == (reason, str(exc))
    assert faults(scene) == {"connection_lost": 1}


async def test_closing_says_goodbye_and_reads_on_until_the_peer_has_ended() -> None:
    scene = Scene()
    connection, transport, call = scene.call()
    leg = scene.switchboard.legs[0]
    closing = asyncio.create_task(leg.close(EndReason.HANDED_BACK))
    await asyncio.sleep(0)
    assert (transport.writes[-1], transport.deeds) == (HANGUP, ["eof"])
    connection.data_received(PACKET)
    connection.data_received(b"\x02\x00\x00")
    connection.eof_received()
    assert transport.deeds == ["eof", "close"]
    assert not closing.done()
    connection.connection_lost(None)
    await closing
    await leg.close(EndReason.HANDED_BACK)
    assert (len(call.said), faults(scene), scene.clock.due) == (1, {}, [])


@pytest.mark.parametrize(("unread", "deed"), [(0, "close"), (1, "abort")])
async def test_closing_does_not_wait_for_ever(unread: int, deed: str) -> None:
    scene = Scene()
    connection, transport, _ = scene.call()
    closing = asyncio.create_task(scene.switchboard.legs[0].close(EndReason.AGENT_HUNG_UP))
    await asyncio.sleep(0)
    transport.unread = unread
    scene.clock.pass_time(1.0)
    assert transport.deeds == ["eof", deed]
    connection.connection_lost(None)
    await closing


async def test_shutting_down_tells_the_call() -> None:
    scene = Scene()
    connection, transport, call = scene.call()
    closing = asyncio.create_task(connection.shut_down())
    await asyncio.sleep(0)
    connection.eof_received()
    connection.connection_lost(None)
    await closing
    assert call.ends == [EndReason.SHUTDOWN]
    assert transport.writes[-1] == HANGUP


def test_a_peer_that_does_not_read_is_cut_off() -> None:
    scene = Scene()
    connection, transport, call = scene.call()
    assert transport.high == 2 * 16_000
    with capture_logs() as logs:
        connection.pause_writing()
    assert call.ends == [EndReason.PEER_STALLED]
    assert transport.deeds == ["abort"]
    assert [entry["fault"] for entry in logs] == ["peer_stalled"]
    connection.connection_lost(None)
    assert faults(scene) == {"peer_stalled": 1}


def test_a_begun_message_must_be_completed_in_time() -> None:
    scene = Scene()
    connection, _, call = scene.call()
    connection.data_received(PACKET[:5])
    scene.clock.pass_time(1.0)
    connection.data_received(PACKET[5:9])
    scene.clock.pass_time(0.9)
    assert call.ends == []
    scene.clock.pass_time(0.1)
    assert call.ends == [EndReason.PROTOCOL]
    assert faults(scene) == {"half_message": 1}


def test_messages_cut_at_every_read_are_no_half_message() -> None:
    scene = Scene()
    connection, _, call = scene.call()
    connection.data_received(PACKET[:100])
    for _ in range(200):
        scene.clock.pass_time(0.02)
        connection.data_received(PACKET[100:] + PACKET[:100])
    assert (len(call.frames), call.ends, len(scene.clock.due)) == (201, [], 1)
    connection.data_received(PACKET[100:])
    assert scene.clock.due == []


def test_a_silent_caller_is_no_fault() -> None:
    scene = Scene()
    _, _, call = scene.call()
    scene.clock.pass_time(3_600)
    assert (call.ends, faults(scene)) == ([], {})


@pytest.mark.parametrize("begun", [b"", HELLO[:10]])
def test_a_peer_must_say_who_it_is_in_time(begun: bytes) -> None:
    scene = Scene()
    connection, transport = scene.connect()
    if begun:
        connection.data_received(begun)
    scene.clock.pass_time(4.9)
    assert transport.deeds == []
    scene.clock.pass_time(0.1)
    assert transport.deeds == ["eof"]
    scene.clock.pass_time(1.0)
    assert transport.deeds == ["eof", "close"]
    assert faults(scene) == {"no_uuid": 1}


def test_a_health_check_leaves_no_trace_but_in_the_debug_log() -> None:
    scene = Scene()
    with capture_logs() as logs:
        connection, _ = scene.connect()
        connection.eof_received()
        connection.connection_lost(None)
    assert {entry["log_level"] for entry in logs} == {"debug"}
    assert (faults(scene), scene.clock.due, scene.registry.visitors) == ({}, [], ())


def test_a_peer_that_leaves_within_its_uuid_is_noted() -> None:
    scene = Scene()
    connection, _ = scene.connect()
    connection.data_received(HELLO[:7])
    connection.eof_received()
    assert faults(scene) == {"no_uuid": 1}


def test_a_caller_who_gives_up_before_the_format_is_known_is_no_call() -> None:
    scene = Scene()
    connection, _ = scene.connect()
    connection.data_received(HELLO)
    connection.eof_received()
    assert (scene.switchboard.legs, scene.registry.calls, scene.clock.due) == ([], 0, [])


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x02\x00\x00", "unknown_kind"),
        (b"\x10\x00\x00", "empty_audio"),
        (b"\x10\x00\x03", "odd_audio"),
        (b"\x10\xff\xfe", "giant_audio"),
        (HELLO, "wrong_kind"),
        (b"\x03\x00\x02", "wrong_length"),
    ],
)
def test_a_malformed_message_ends_its_call_with_a_line_in_the_log(data: bytes, fault: str) -> None:
    scene = Scene()
    other, _ = scene.connect(("127.0.0.2", 40_001))
    other.data_received(encode(CallId(UUID(int=1))) + PACKET)
    connection, transport, call = scene.call()
    with capture_logs() as logs:
        connection.data_received(PACKET + data + PACKET)
    assert len(call.frames) == 2
    assert call.ends == [EndReason.PROTOCOL]
    assert (transport.writes[-1], transport.deeds) == (HANGUP, ["eof"])
    (entry,) = logs
    assert (entry["log_level"], entry["fault"], entry["peer"]) == ("warning", fault, "127.0.0.1:40000")
    assert entry["call"] == str(CALL_ID)
    assert faults(scene) == {fault: 1}
    assert (scene.switchboard.calls[0].ends, scene.registry.calls) == ([], 1)


def test_a_wrong_first_message_is_no_call() -> None:
    scene = Scene()
    connection, transport = scene.connect()
    connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
    assert (transport.deeds, scene.switchboard.legs) == (["eof"], [])
    assert faults(scene) == {"wrong_first_message": 1}


def test_the_second_bringer_of_a_call_is_ended_and_the_first_goes_on() -> None:
    scene = Scene()
    first, _, call = scene.call()
    second, transport = scene.connect(("127.0.0.9", 50_000))
    with capture_logs() as logs:
        second.data_received(HELLO + PACKET)
    second.eof_received()
    second.connection_lost(None)
    first.data_received(PACKET)
    assert (len(call.frames), call.ends, transport.deeds) == (2, [], ["eof", "close"])
    (entry,) = logs
    assert entry["peer"] == "127.0.0.9:50000"
    assert "127.0.0.1:40000" in entry["problem"]
    assert (faults(scene), scene.registry.calls) == ({"duplicate_uuid": 1}, 1)


def test_a_call_may_come_again_after_it_has_ended() -> None:
    scene = Scene()
    first, _, _ = scene.call()
    first.eof_received()
    _, _, call = scene.call()
    first.connection_lost(None)
    assert (call.ends, scene.registry.calls) == ([], 1)


def test_a_peer_of_a_strange_network_is_refused() -> None:
    scene = Scene()
    with capture_logs() as logs:
        connection, transport = scene.connect(("192.0.2.1", 40_000))
    connection.connection_lost(None)
    assert (transport.deeds, faults(scene)) == (["abort"], {"refused": 1})
    assert [(entry["log_level"], entry["peer"]) for entry in logs] == [("warning", "192.0.2.1:40000")]


def test_a_peer_that_is_gone_already_is_let_go() -> None:
    scene = Scene()
    connection, transport = scene.connect(None)
    connection.connection_lost(None)
    assert (transport.deeds, faults(scene), scene.registry.visitors) == (["abort"], {}, ())


def test_frames_wait_for_the_call() -> None:
    scene = Scene(answer=False)
    connection, _, call = scene.call()
    connection.data_received(PACKET)
    connection.eof_received()
    scene.switchboard.legs[0].attach(call)
    assert (len(call.frames), call.ends) == (2, [EndReason.CALLER_HUNG_UP])
