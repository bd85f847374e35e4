import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType
from structlog.testing import capture_logs

from offhook.carriers.call_socket import CallSocket, Words
from offhook.carriers.stream_socket import StreamSocket
from offhook.errors import WireError
from offhook.events import EndReason

WITHIN_S = 30
FRAME_BYTES = 160
LONG_S = 1_000.0


class PaperSocket(StreamSocket):
    """An open socket whose messages are put in by the test."""

    def __init__(self, heartbeat_s: float) -> None:
        super().__init__(1_000, heartbeat_s=heartbeat_s)
        self.inbox: asyncio.Queue[WSMessage | Exception] = asyncio.Queue()
        self.sent: list[str | bytes] = []
        self.parted: list[tuple[WSCloseCode, str]] = []
        self.aborted = False
        self.waiting_bytes = 0

    @property
    def unread(self) -> int:
        return self.waiting_bytes

    async def receive(self, timeout: float | None = None) -> Any:
        message = await self.inbox.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def pong(self, message: bytes | str = b"") -> None:
        self.sent.append(f"pong {message!r}")

    def write_text(self, text: str) -> None:
        self.sent.append(text)

    def write_bytes(self, data: bytes) -> None:
        self.sent.append(data)

    async def part(self, code: WSCloseCode, reason: str) -> None:
        self.parted.append((code, reason))

    def abort(self) -> None:
        self.aborted = True


class Peer:
    """A talk that writes down what it is told, and who talks at the other end."""

    def __init__(self, heartbeat_s: float = LONG_S) -> None:
        self.ignored: Counter[str] = Counter()
        self.taken: list[Any] = []
        self.ends: list[tuple[EndReason, str]] = []
        self.asked = asyncio.Event()
        self.socket = PaperSocket(heartbeat_s)
        log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("test")
        self.line = CallSocket(self.socket, self, Words("test call", "HELLO", "nobody there"), log)
        self.serving: asyncio.Task[None] | None = None

    def serve(self, start_within_s: float = LONG_S) -> "asyncio.Task[None]":
        self.serving = asyncio.create_task(self.line.run(start_within_s))
        return self.serving

    def say(self, kind: WSMsgType, data: Any = "") -> None:
        self.socket.inbox.put_nowait(WSMessage(kind, data, None))

    async def served(self) -> None:
        assert self.serving is not None
        await asyncio.wait_for(self.serving, WITHIN_S)

    def take(self, message: WSMessage) -> None:
        self.taken.append(message.data)
        self.line.spend(1)
        match message.data:
            case "hello":
                self.line.started(FRAME_BYTES)
            case "bye":
                self.line.finish(EndReason.CALLER_HUNG_UP, "bye")
            case "nonsense":
                raise WireError("what?")
            case "bug":
                raise RuntimeError("a bug")

    def ask(self) -> None:
        self.asked.set()

    def say_goodbye(self, *, cut_short: bool) -> None:
        self.socket.sent.append("goodbye, cut short" if cut_short else "goodbye")

    def ended(self, reason: EndReason, detail: str) -> None:
        self.ends.append((reason, detail))


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    yield peer
    if peer.serving is not None and not peer.serving.done():
        peer.serving.cancel()
        await asyncio.wait({peer.serving})


async def test_what_the_peer_says_is_taken_until_it_says_that_it_is_over(peer: Peer) -> None:
    peer.serve()
    peer.say(WSMsgType.TEXT, "hello")
    peer.say(WSMsgType.BINARY, b"sound")
    peer.say(WSMsgType.TEXT, "bye")
    peer.say(WSMsgType.TEXT, "and another thing")
    await peer.served()
    assert peer.taken == ["hello", b"sound", "bye"]
    assert peer.ends == [(EndReason.CALLER_HUNG_UP, "bye")]
    assert (peer.socket.sent, peer.socket.parted, peer.socket.aborted) == ([], [(WSCloseCode.OK, "")], True)


async def test_a_peer_that_does_not_begin_in_time_is_broken_off(peer: Peer) -> None:
    peer.serve(0)
    await peer.served()
    assert peer.ends == [(EndReason.PROTOCOL, "no HELLO within 0 s")]
    assert peer.socket.parted == [(WSCloseCode.POLICY_VIOLATION, "no HELLO within 0 s")]


async def test_one_that_has_begun_has_time(peer: Peer) -> None:
    peer.line.started(FRAME_BYTES)
    serving = peer.serve(0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert (serving.done(), peer.ends) == (False, [])


@pytest.mark.parametrize(
    ("text", "reason", "close", "goodbye"),
    [
        ("nonsense", EndReason.PROTOCOL, (WSCloseCode.PROTOCOL_ERROR, "what?"), "goodbye"),
        ("bug", EndReason.ERROR, (WSCloseCode.INTERNAL_ERROR, ""), "goodbye, cut short"),
    ],
)
async def test_a_fault_ends_the_call_with_a_goodbye(
    peer: Peer, text: str, reason: EndReason, close: tuple[WSCloseCode, str], goodbye: str
) -> None:
    peer.serve()
    peer.say(WSMsgType.TEXT, text)
    await peer.served()
    assert [each for each, _ in peer.ends] == [reason]
    assert (peer.socket.sent, peer.socket.parted) == ([goodbye], [close])


@pytest.mark.parametrize(
    ("data", "reason"),
    [(None, EndReason.CALLER_HUNG_UP), (WebSocketError(1_002, "broken"), EndReason.PROTOCOL)],
)
async def test_a_socket_that_is_gone_ends_the_call_without_one(peer: Peer, data: Any, reason: EndReason) -> None:
    peer.serve()
    peer.say(WSMsgType.CLOSE if data is None else WSMsgType.ERROR, data)
    await peer.served()
    assert [each for each, _ in peer.ends] == [reason]
    assert peer.socket.sent == []


async def test_a_connection_that_is_lost_is_a_hangup(peer: Peer) -> None:
    peer.serve()
    peer.socket.inbox.put_nowait(ConnectionResetError("reset"))
    await peer.served()
    assert (peer.ends, peer.socket.sent) == ([(EndReason.CALLER_HUNG_UP, "reset")], [])


async def test_more_than_is_allowed_ends_the_call(peer: Peer) -> None:
    peer.serve()
    for _ in range(5_000):
        peer.say(WSMsgType.PONG, b"")
    await peer.served()
    assert peer.ends == [(EndReason.PROTOCOL, "more than 600 messages or frames a second")]
    assert not peer.socket.inbox.empty()


async def test_a_ping_is_answered(peer: Peer) -> None:
    peer.serve()
    peer.say(WSMsgType.PING, b"here?")
    peer.say(WSMsgType.TEXT, "bye")
    await peer.served()
    assert peer.socket.sent == ["pong b'here?'"]


@pytest.mark.parametrize("data", ["text", b"bytes"])
async def test_a_peer_that_does_not_read_is_given_up(peer: Peer, data: str | bytes) -> None:
    peer.serve()
    peer.line.started(FRAME_BYTES)
    peer.socket.waiting_bytes = FRAME_BYTES * 100

    def write() -> None:
        if isinstance(data, str):
            peer.line.write_text(data)
        else:
            peer.line.write_bytes(data)

    write()
    assert peer.ends == []
    peer.socket.waiting_bytes += 1
    write()
    await peer.served()
    assert peer.ends == [(EndReason.PEER_STALLED, "the peer has left 2000 ms of audio unread")]
    assert peer.socket.sent == [data, data]


async def test_a_peer_that_is_silent_is_asked_and_then_given_up() -> None:
    peer = Peer(heartbeat_s=0.01)
    peer.serve()
    await asyncio.wait_for(peer.asked.wait(), WITHIN_S)
    await peer.served()
    assert peer.ends == [(EndReason.PEER_STALLED, "nobody there")]


@pytest.mark.parametrize(
    ("reason", "code"),
    [(EndReason.AGENT_HUNG_UP, WSCloseCode.OK), (EndReason.SHUTDOWN, WSCloseCode.GOING_AWAY)],
)
async def test_a_call_that_we_end_is_gone_when_the_hangup_returns(
    peer: Peer, reason: EndReason, code: WSCloseCode
) -> None:
    serving = peer.serve()
    await asyncio.sleep(0)
    for _ in range(2):
        await asyncio.wait_for(peer.line.hang_up(reason), WITHIN_S)
        assert (peer.socket.sent, peer.socket.parted) == (["goodbye"], [(code, "")])
    await asyncio.wait({serving})
    assert (peer.line.over, peer.ends) == (True, [(reason, "")])


async def test_the_close_is_left_to_a_peer_that_wants_to_do_it(peer: Peer) -> None:
    peer.line.farewell_s = LONG_S
    serving = peer.serve()
    hanging_up = asyncio.create_task(peer.line.hang_up(EndReason.AGENT_HUNG_UP))
    for _ in range(10):
        await asyncio.sleep(0)
    peer.say(WSMsgType.TEXT, "one more thing")
    assert (serving.done(), hanging_up.done(), peer.socket.parted) == (False, False, [])
    peer.say(WSMsgType.CLOSE)
    await asyncio.wait_for(hanging_up, WITHIN_S)
    assert (peer.taken, peer.ends) == (["one more thing"], [(EndReason.AGENT_HUNG_UP, "")])


async def test_one_that_does_not_is_not_waited_for_long(peer: Peer) -> None:
    peer.line.farewell_s = 0.01
    peer.serve()
    await asyncio.wait_for(peer.line.hang_up(EndReason.AGENT_HUNG_UP), WITHIN_S)
    assert peer.socket.parted == [(WSCloseCode.OK, "")]


async def test_a_server_that_stops_says_goodbye(peer: Peer) -> None:
    serving = peer.serve()
    await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait({serving})
    assert (peer.ends, peer.socket.sent) == ([(EndReason.SHUTDOWN, "")], ["goodbye, cut short"])
    assert peer.socket.parted == [(WSCloseCode.GOING_AWAY, "")]


async def test_what_was_of_no_use_is_told_once_in_the_end(peer: Peer) -> None:
    peer.ignored.update({"noise": 2, "silence": 0})
    with capture_logs() as logs:
        peer.serve()
        peer.say(WSMsgType.TEXT, "bye")
        await peer.served()
    (ended,) = [line for line in logs if line["event"] == "test call ended"]
    assert (ended["ignored"], ended["reason"]) == ({"noise": 2}, "caller_hung_up")
