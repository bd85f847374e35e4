import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web

from offhook.audio.formats import MULAW_8K, PCM_16K
from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.tts import elevenlabs_socket
from offhook.providers.tts.elevenlabs_socket import SocketPool, SpeechSocket
from offhook.simulator.clouds.serving import serving
from tests.simulator.clouds.waiting import until

Json = dict[str, Any]
Answer = Callable[[web.WebSocketResponse, Json], Awaitable[None]]


class Peer:
    """A server of sockets that does what the test says with each message."""

    def __init__(self, answer: Answer) -> None:
        self.messages: list[Json] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.formats: list[str] = []
        self._answer = answer

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        self.formats.append(request.query["format"])
        async for message in socket:
            said = orjson.loads(message.data)
            self.messages.append(said)
            await self._answer(socket, said)
        return socket


@asynccontextmanager
async def pool_to(peer: Peer, *, keepalive_s: float = 60.0, timeout_s: float = 5.0) -> AsyncIterator[SocketPool]:
    app = web.Application()
    app.router.add_get("/socket", peer.talk)
    async with serving(app) as url:
        server = ApiServer("vendor", url, ApiKey(""), timeout_s=timeout_s)
        pool = SocketPool(server, "/socket", lambda leg: {"format": str(leg)}, keepalive_s=keepalive_s)
        try:
            yield pool
        finally:
            await pool.close()
            await server.close()


async def finish(socket: web.WebSocketResponse, message: Json) -> None:
    if message.get("close_context"):
        await socket.send_json({"audio": "AQI=", "contextId": message["context_id"]})
        await socket.send_json({"isFinal": True, "contextId": message["context_id"]})


async def ignore(socket: web.WebSocketResponse, message: Json) -> None:
    pass


async def heard(socket: SpeechSocket) -> bytes:
    return b"".join([output.audio async for output in socket.speak("Hello.", {})])


async def test_a_clause_ends_when_the_server_says_so() -> None:
    peer = Peer(finish)
    async with pool_to(peer) as pool:
        socket = pool.roomy(MULAW_8K)
        assert await heard(socket) == b"\x01\x02"
        assert pool.roomy(MULAW_8K) is socket
        await heard(pool.roomy(PCM_16K))
    assert peer.formats == ["mulaw 8000 Hz", "pcm16 16000 Hz"]


async def test_clauses_that_come_together_wait_for_one_handshake() -> None:
    peer = Peer(finish)
    async with pool_to(peer) as pool:
        assert await asyncio.gather(*(heard(pool.roomy(MULAW_8K)) for _ in range(5))) == [b"\x01\x02"] * 5
    assert len(peer.sockets) == 1


async def test_a_quiet_socket_is_kept_alive() -> None:
    peer = Peer(finish)
    async with pool_to(peer, keepalive_s=0.05) as pool:
        socket = pool.roomy(MULAW_8K)
        await until(lambda: peer.messages.count({"text": ""}) == 2)
        assert await heard(socket) == b"\x01\x02"


async def test_a_socket_that_nobody_needs_is_closed() -> None:
    peer = Peer(ignore)
    async with pool_to(peer, keepalive_s=0.01) as pool:
        socket = pool.roomy(MULAW_8K)
        await until(lambda: socket.lost)
        assert pool.roomy(MULAW_8K) is not socket
        await until(lambda: len(peer.sockets) == 2)
    assert peer.messages[:6] == [*[{"text": ""}] * 5, {"close_socket": True}]


async def test_a_trouble_of_one_context_is_not_that_of_another() -> None:
    async def answer(socket: web.WebSocketResponse, message: Json) -> None:
        if message.get("close_context") and message["context_id"] == "c1":
            await socket.send_json({"error": "quota_exceeded", "message": "No more.", "contextId": "c1"})
        else:
            await finish(socket, message)

    async with pool_to(Peer(answer)) as pool:
        socket = pool.roomy(MULAW_8K)
        with pytest.raises(ProviderError, match=r"vendor: No more\.") as caught:
            await heard(socket)
        assert await heard(socket) == b"\x01\x02"
    assert not caught.value.retryable


async def test_a_trouble_of_the_socket_is_told_to_all() -> None:
    async def answer(socket: web.WebSocketResponse, message: Json) -> None:
        if message == {"context_id": "c2", "close_context": True}:
            await socket.send_json({"error": "max_active_conversations", "message": "Too many.", "code": 1008})
            await socket.close(code=1008)

    async with pool_to(Peer(answer)) as pool:
        socket = pool.roomy(MULAW_8K)
        told = await asyncio.gather(heard(socket), heard(socket), return_exceptions=True)
    assert [str(error) for error in told] == ["vendor: Too many."] * 2
    assert all(isinstance(error, ProviderError) and error.retryable for error in told)


@pytest.mark.parametrize(
    ("sent", "problem"), [("{broken", "not JSON"), ('{"audio":"!","contextId":"c1"}', "not base64")]
)
async def test_what_is_no_message_ends_the_socket(sent: str, problem: str) -> None:
    async def answer(socket: web.WebSocketResponse, message: Json) -> None:
        await socket.send_str(sent)

    async with pool_to(Peer(answer)) as pool:
        socket = pool.roomy(MULAW_8K)
        with pytest.raises(ProviderError, match=problem):
            await heard(socket)
        assert not socket.room


async def test_messages_of_unknown_contexts_are_passed_over() -> None:
    async def answer(socket: web.WebSocketResponse, message: Json) -> None:
        await socket.send_json({"audio": "AAAA", "contextId": "other"})
        await socket.send_json({"isFinal": True})
        await finish(socket, message)

    async with pool_to(Peer(answer)) as pool:
        assert await heard(pool.roomy(MULAW_8K)) == b"\x01\x02"


async def test_a_server_that_goes() -> None:
    async def answer(socket: web.WebSocketResponse, message: Json) -> None:
        await socket.close(code=1011)

    async with pool_to(Peer(answer)) as pool:
        socket = pool.roomy(MULAW_8K)
        with pytest.raises(ProviderError, match="closed the connection, 1011") as caught:
            await heard(socket)
    assert caught.value.retryable


async def test_a_context_that_was_given_up_makes_room_when_the_server_lets_go() -> None:
    async def answer(socket: web.WebSocketResponse, message: Json) -> None:
        if message.get("text") == "Hello. ":
            await socket.send_json({"audio": "AQI=", "contextId": message["context_id"]})

    peer = Peer(answer)
    async with pool_to(peer) as pool:
        socket = pool.roomy(MULAW_8K)
        for _ in range(5):
            async with aclosing(socket.speak("Hello.", {})) as outputs:
                await anext(outputs)
        full = socket.room
        await peer.sockets[0].send_json({"isFinal": True, "contextId": "c3"})
        await until(lambda: socket.room)
    assert not full


async def test_a_broken_rule_that_may_be_a_limit_may_be_tried_again() -> None:
    async def answer(socket: web.WebSocketResponse, message: Json) -> None:
        await socket.close(code=1008)

    async with pool_to(Peer(answer)) as pool:
        with pytest.raises(ProviderError, match="1008") as caught:
            await heard(pool.roomy(MULAW_8K))
    assert (caught.value.status, caught.value.retryable) == (1008, True)


async def test_an_interrupted_clause_was_sent_whole() -> None:
    peer = Peer(ignore)
    async with pool_to(peer) as pool:
        task = asyncio.create_task(heard(pool.roomy(MULAW_8K)))
        await asyncio.sleep(0)
        task.cancel()
        await until(lambda: len(peer.messages) == 3)
    assert peer.messages[2] == {"context_id": "c1", "close_context": True}


async def test_closing_the_pool_ends_what_is_spoken() -> None:
    peer = Peer(ignore)
    async with pool_to(peer) as pool:
        task = asyncio.create_task(heard(pool.roomy(MULAW_8K)))
        await until(lambda: peer.messages)
        await pool.close()
        with pytest.raises(ProviderError, match="was closed"):
            await task


async def test_a_socket_that_kept_somebody_waiting_gets_no_more_clauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elevenlabs_socket, "_SILENT_S", 0.0)
    async with pool_to(Peer(ignore)) as pool:
        silent = pool.roomy(MULAW_8K)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await heard(silent)
        assert pool.roomy(MULAW_8K) is not silent


async def test_an_interruption_does_not_cost_the_socket() -> None:
    async with pool_to(Peer(ignore)) as pool:
        socket = pool.roomy(MULAW_8K)
        task = asyncio.create_task(heard(socket))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert pool.roomy(MULAW_8K) is socket


async def test_only_the_format_of_the_day_is_kept_warm() -> None:
    peer = Peer(finish)
    async with pool_to(peer) as pool:
        for leg in (PCM_16K, MULAW_8K):
            await heard(pool.roomy(leg))
            await pool.roomy(leg).close()
        seen = len(peer.formats)
        pool.warm_up()
        await until(lambda: len(peer.formats) > seen)
        assert peer.formats[seen:] == [str(MULAW_8K)]
