"""Asterisk's WebSocket channel in this server: who may connect, and what becomes of the calls that it brings."""

import asyncio
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address

import structlog
from aiohttp import web

from offhook.carriers.asterisk.websocket_connection import CallsInProgress, OnWebSocketCall, serve_websocket
from offhook.carriers.asterisk.websocket_leg import WebSocketLeg
from offhook.carriers.media_stream.addresses import Addresses
from offhook.carriers.refusals import Refusals
from offhook.carriers.stream_socket import StreamSocket
from offhook.config import Settings
from offhook.server.switchboard import Switchboard

__all__ = ["MEDIA_PATH", "AsteriskWebSocket"]

MEDIA_PATH = "/asterisk/media"
SUBPROTOCOL = "media"

_PASSED_ON_BY = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "CF-Connecting-IP")

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class AsteriskWebSocket:
    """Takes WebSockets of Asterisk at `MEDIA_PATH`. Until `open`, while the switchboard drains, and while it is full,
    it refuses them: the dialplan then goes on with DIALSTATUS.

    With `keys.asterisk_media_secret` the password of each connection must be that. Without, its address must be of
    `asterisk.websocket.allow`; and nobody is let in once the server has a public address, since what comes through a
    proxy or a tunnel has that one's address.
    """

    def __init__(self, settings: Settings, addresses: Addresses):
        secret = settings.keys.asterisk_media_secret
        self._settings = settings.asterisk.websocket
        self._secret = secret.get_secret_value().encode() if secret else b""
        self._addresses = addresses
        self._switchboard: Switchboard | None = None
        self._answer: OnWebSocketCall | None = None
        self._calls = CallsInProgress()
        self._sockets: set[asyncio.Task[object] | None] = set()
        self._refusals = Refusals()

    def routes(self) -> Iterator[web.RouteDef]:
        """What belongs into the server's HTTP."""
        if self._settings.enabled:
            yield web.get(MEDIA_PATH, self._serve, allow_head=False)

    def open(self, switchboard: Switchboard, answer: OnWebSocketCall) -> None:
        """Take calls from now on, and give them to `answer`."""
        self._switchboard = switchboard
        self._answer = answer

    async def close(self) -> None:
        """Take no call any more, and end the sockets that have brought none yet."""
        self._switchboard = None
        tasks = [task for task in self._sockets if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        peer, port = _peer(request)
        why = self._why_not(request, peer)
        if why:
            self._refusals.tell("a WebSocket of Asterisk was refused", why=why, peer=peer)
            return web.Response(status=401 if self._secret else 403)
        if self._switchboard is None or self._switchboard.full:
            state = "all lines are busy" if self._switchboard else "the server is starting or stopping"
            self._refusals.tell("a WebSocket of Asterisk was turned away", why=state, peer=peer)
            return web.Response(status=503)
        return await self._carry(request, f"{peer}:{port}")

    async def _carry(self, request: web.Request, peer: str) -> web.StreamResponse:
        socket = StreamSocket(self._settings.max_message_bytes, protocols=(SUBPROTOCOL,))
        await socket.prepare(request)
        task = asyncio.current_task()
        self._sockets.add(task)
        try:
            await serve_websocket(
                socket,
                dict(request.query),
                settings=self._settings,
                calls=self._calls,
                answer=self._take,
                peer=peer,
            )
        finally:
            self._sockets.discard(task)
        return socket

    def _take(self, leg: WebSocketLeg) -> None:
        if self._switchboard is not None and self._answer is not None:
            self._answer(leg)

    def _why_not(self, request: web.Request, peer: str) -> str:
        """Why a request is refused; empty if it is not."""
        if "Origin" in request.headers:
            return "it comes from a web page"
        if SUBPROTOCOL not in request.headers.get("Sec-WebSocket-Protocol", ""):
            return f'it does not offer the subprotocol "{SUBPROTOCOL}": protocols = media in websocket_client.conf'
        if self._secret:
            right = compare_digest(_password(request).encode(), self._secret)
            return "" if right else "its password is not ASTERISK_MEDIA_SECRET"
        if self._addresses.public_url or any(name in request.headers for name in _PASSED_ON_BY):
            return "the server is reached through a proxy or a tunnel, and ASTERISK_MEDIA_SECRET is not set"
        return "" if self._admits(peer) else "it is in no network of asterisk.websocket.allow"

    def _admits(self, peer: str) -> bool:
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._settings.allow)


def _password(request: web.Request) -> str:
    """That of HTTP's Basic authentication, whatever the name; empty where there is none."""
    kind, _, coded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return b64decode(coded.strip(), validate=True).decode().partition(":")[2]
    except (Base64Error, ValueError):
        return ""


def _peer(request: web.Request) -> tuple[str, int]:
    """Address and port of who connects."""
    known = request.transport.get_extra_info("peername") if request.transport else None
    return (str(known[0]), int(known[1])) if known else ("", 0)
