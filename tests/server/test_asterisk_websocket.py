"""Calls of Asterisk's WebSocket channel at a server: who is let in, and what becomes of the calls."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from offhook.calls.call import Call
from offhook.carriers.media_stream.addresses import Addresses
from offhook.config import Settings
from offhook.events import CallEnded, CallStarted, EndReason
from offhook.server.asterisk_websocket import MEDIA_PATH, AsteriskWebSocket
from tests.carriers.asterisk.websocket_samples import CALL, JSON_START, json_start
from tests.server.board import Board

Client = TestClient[web.Request, web.Application]
WITHIN_S = 30
SECRET = "a-media-secret"


@asynccontextmanager
async def reached(board: Board, public_url: str = "", secret: str = "", **websocket: Any) -> AsyncIterator[Client]:
    """An Asterisk that can reach the server."""
    settings = Settings.model_validate(
        {"keys": {"asterisk_media_secret": secret or None}, "asterisk": {"websocket": websocket}}
    )
    there = AsteriskWebSocket(settings, Addresses(public_url))
    there.open(board.switchboard, board.switchboard.answer)
    app = web.Application()
    app.add_routes(there.routes())
    async with asyncio.timeout(WITHIN_S), TestClient(TestServer(app)) as client:
        yield client
        await there.close()


def basic(password: str, name: str = "asterisk") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


async def refusal(
    client: Client, headers: dict[str, str] | None = None, protocols: tuple[str, ...] = ("media",)
) -> tuple[int, str]:
    """The status of a handshake that is refused, and what the log says."""
    with capture_logs() as logs, pytest.raises(WSServerHandshakeError) as refused:
        await client.ws_connect(MEDIA_PATH, protocols=protocols, headers=headers)
    (line,) = [line for line in logs if line["log_level"] == "warning"]
    return refused.value.status, line["why"]


async def only_call(board: Board) -> Call:
    while not board.switchboard.calls:  # noqa: ASYNC110 - a switchboard tells nobody of new calls
        await asyncio.sleep(0)
    (call,) = board.switchboard.calls
    return call


class TestCalls:
    async def test_a_call_from_its_start_to_its_end(self, board: Board) -> None:
        async with reached(board) as client:
            peer = await client.ws_connect(MEDIA_PATH, protocols=("media",))
            await peer.send_str(JSON_START)
            await peer.send_bytes(bytes(range(160)))
            call = await only_call(board)
            assert (call.facts.call_id, call.facts.caller_number, call.facts.called_number) == (
                CALL,
                "+15550100",
                "raw",
            )
            assert call.facts.variables["caller_name"] == "Ann (Work), 100%"
            await board.run(1_000)
            sound = await peer.receive()
            assert (sound.type, len(sound.data)) == (WSMsgType.BINARY, 160)
            await peer.close()
            await call.ended.wait()
        started = next(event for event in board.events if isinstance(event, CallStarted))
        ended = next(event for event in board.events if isinstance(event, CallEnded))
        assert (started.carrier, started.carrier_call_id, ended.reason) == ("asterisk", CALL, EndReason.CALLER_HUNG_UP)

    async def test_our_hangup_is_a_command(self, board: Board) -> None:
        async with reached(board) as client:
            peer = await client.ws_connect(MEDIA_PATH, protocols=("media",))
            await peer.send_str(JSON_START)
            call = await only_call(board)
            call.end(EndReason.AGENT_HUNG_UP)
            assert '{"command":"HANGUP"}' in [message.data async for message in peer]
            await call.ended.wait()

    async def test_a_call_without_a_uuid_gets_one(self, board: Board) -> None:
        async with reached(board) as client:
            peer = await client.ws_connect(MEDIA_PATH, protocols=("media",))
            await peer.send_str(json_start(channel_variables={}))
            call = await only_call(board)
            assert call.leg.carrier_call_id == "1795256604.21"
            assert len(call.facts.call_id) == len(CALL)
            await peer.close()
            await call.ended.wait()

    async def test_a_full_server_leaves_the_call_to_the_dialplan(self, board: Board) -> None:
        async with reached(board) as client:
            board.ring()
            board.ring()
            assert await refusal(client) == (503, "all lines are busy")

    async def test_a_draining_server_leaves_the_call_to_the_dialplan(self, board: Board) -> None:
        async with reached(board) as client:
            await board.switchboard.drain(0)
            assert (await refusal(client))[0] == 503

    async def test_before_and_after_the_server_is_there(self, board: Board) -> None:
        there = AsteriskWebSocket(Settings(), Addresses())
        app = web.Application()
        app.add_routes(there.routes())
        async with asyncio.timeout(WITHIN_S), TestClient(TestServer(app)) as client:
            assert await refusal(client) == (503, "the server is starting or stopping")
            there.open(board.switchboard, board.switchboard.answer)
            peer = await client.ws_connect(MEDIA_PATH, protocols=("media",))
            await there.close()
            assert (await peer.receive()).type is WSMsgType.CLOSE
            assert (await refusal(client))[0] == 503

    async def test_it_can_be_turned_off(self, board: Board) -> None:
        async with reached(board, enabled=False) as client, client.get(MEDIA_PATH) as response:
            assert response.status == 404


class TestWhoIsLetIn:
    async def test_loopback_without_a_secret(self, board: Board) -> None:
        async with reached(board) as client:
            peer = await client.ws_connect(MEDIA_PATH, protocols=("media",))
            assert peer.protocol == "media"
            await peer.close()

    async def test_other_networks_only_where_they_are_named(self, board: Board) -> None:
        async with reached(board, allow=["10.0.0.0/8"]) as client:
            assert await refusal(client) == (403, "it is in no network of asterisk.websocket.allow")

    async def test_the_secret_opens_to_everybody_who_has_it(self, board: Board) -> None:
        async with reached(board, "https://x.example", SECRET, allow=[]) as client:
            for name in ("asterisk", ""):
                headers = basic(SECRET, name) | {"X-Forwarded-For": "203.0.113.7"}
                peer = await client.ws_connect(MEDIA_PATH, protocols=("media",), headers=headers)
                await peer.close()

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            basic("wrong"),
            basic(""),
            basic(SECRET[:-1]),
            basic(SECRET + "x"),
            {"Authorization": "Basic"},
            {"Authorization": "Basic ###"},
            {"Authorization": "Basic /////w=="},
            {"Authorization": f"Bearer {SECRET}"},
            {"Authorization": "Basic " + b64encode(SECRET.encode()).decode()},
        ],
    )
    async def test_nobody_else(self, board: Board, headers: dict[str, str]) -> None:
        async with reached(board, secret=SECRET) as client:
            assert await refusal(client, headers) == (401, "its password is not ASTERISK_MEDIA_SECRET")

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
    async def test_what_a_proxy_passes_on_needs_the_secret(self, board: Board, header: str) -> None:
        async with reached(board) as client:
            status, why = await refusal(client, {header: "203.0.113.7"})
            assert status == 403
            assert "proxy or a tunnel" in why

    async def test_a_server_with_a_public_address_needs_the_secret(self, board: Board) -> None:
        async with reached(board, "https://x.example") as client:
            assert "ASTERISK_MEDIA_SECRET is not set" in (await refusal(client))[1]

    async def test_a_web_page_is_not_let_in(self, board: Board) -> None:
        async with reached(board, secret=SECRET) as client:
            assert (await refusal(client, {"Origin": "http://x.example", **basic(SECRET)}))[
                1
            ] == "it comes from a web page"

    @pytest.mark.parametrize("protocols", [(), ("ari",)])
    async def test_another_subprotocol(self, board: Board, protocols: tuple[str, ...]) -> None:
        async with reached(board) as client:
            assert "protocols = media" in (await refusal(client, protocols=protocols))[1]

    async def test_what_is_no_websocket(self, board: Board) -> None:
        async with reached(board) as client:
            async with client.get(MEDIA_PATH, headers={"Sec-WebSocket-Protocol": "media"}) as response:
                assert response.status == 400
            async with client.post(MEDIA_PATH) as response:
                assert response.status == 405
