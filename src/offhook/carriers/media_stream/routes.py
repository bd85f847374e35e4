"""The HTTP of Vobiz, Plivo and Twilio: webhooks and media sockets, as routes of an aiohttp application.

`/answer`, `/hangup` and the other hooks are the root carrier's; `/vobiz/answer`, `/plivo/answer` and so on are each
one's own, and those of a call that we dialled have its id at the end. With a webhook secret all of them are below
`/k/<secret>` as well. Which carrier speaks is told by the path alone, never by what is said.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hmac import compare_digest

import structlog
from aiohttp import web

from offhook.calls.leg import CallControl, Leg
from offhook.carriers.media_stream.addresses import Addresses
from offhook.carriers.media_stream.documents import nothing, web_socket_url
from offhook.carriers.media_stream.gate import Gate
from offhook.carriers.media_stream.hooks import HOOKS, Hooks, Visit
from offhook.carriers.media_stream.parameters import Parameters, read_parameters
from offhook.carriers.media_stream.signatures import SignedRequest
from offhook.carriers.media_stream.tickets import Ticket
from offhook.carriers.refusals import Refusals
from offhook.config import CarrierName
from offhook.events import EndReason

__all__ = ["HookRoutes", "Reception", "ServeStream"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_MOST_BYTES = 65_536
_BODY_S = 5.0
_SIGNED = ("x-vobiz-", "x-plivo-", "x-twilio-")

ServeStream = Callable[[web.Request, Ticket, Callable[[Leg], None], CallControl | None], Awaitable[web.StreamResponse]]
"""Carries a call over the web socket that a request asks for; returns when the socket is gone."""


@dataclass(frozen=True)
class Reception:
    """One carrier: who is let in, and who answers."""

    gate: Gate
    hooks: Hooks


class HookRoutes:
    """All hooks and media sockets of the carriers in `receptions`."""

    def __init__(
        self,
        receptions: Mapping[CarrierName, Reception],
        addresses: Addresses,
        serve: ServeStream,
        *,
        root: CarrierName,
        secret: str = "",
    ):
        self._receptions = receptions
        self._addresses = addresses
        self._serve = serve
        self._root = root
        self._secret = secret
        self._refusals = Refusals()
        self._closing: set[asyncio.Task[None]] = set()

    def routes(self) -> Iterator[web.RouteDef]:
        """What is to be added to the application's router."""
        for below in ("", "/k/{secret}") if self._secret else ("",):
            if self._root in self._receptions:
                yield from self._of_carrier(self._root, below)
            for carrier in self._receptions:
                yield from self._of_carrier(carrier, f"{below}/{carrier}")
                yield from _both(f"{below}/{carrier}/{{unknown:.*}}", partial(self._stray, carrier))

    def _of_carrier(self, carrier: CarrierName, path: str) -> Iterator[web.RouteDef]:
        for name in HOOKS:
            yield from _both(f"{path}/{name}", partial(self._hook, carrier, name))
            yield from _both(f"{path}/{name}/{{dial_id:[^/]*}}", partial(self._hook, carrier, name))
        yield from _both(f"{path}/document/{{token}}", partial(self._document, carrier))
        yield from _both(f"{path}/ws", partial(self._no_socket, carrier))
        yield web.get(f"{path}/ws/{{token:.*}}", partial(self._socket, carrier), allow_head=False)

    # Webhooks

    async def _hook(self, carrier: CarrierName, name: str, request: web.Request) -> web.Response:
        raw = await _body(request)
        reception = self._receptions[carrier]
        parameters = read_parameters(request.rel_url.raw_query_string, request.content_type, raw)
        base = self._base(request)
        if not self._admits(reception, request, base, parameters, raw):
            return web.Response(status=403)
        visit = Visit(parameters, base, request.match_info.get("dial_id", ""))
        try:
            return _document(reception.hooks.receive(name, visit))
        except Exception:
            # The top of a request: a fault of ours must not reach the carrier as a status that drops the call.
            log.exception("a fault in a webhook", carrier=carrier, hook=name)
            return _document(reception.hooks.sorry() if name in ("answer", "fallback") else nothing())

    async def _stray(self, carrier: CarrierName, request: web.Request) -> web.Response:
        """Answer as a status, and tell whoever has mistyped a URL in the carrier's console."""
        name, known = request.match_info["unknown"][:80], ", ".join(HOOKS)
        self._refusals.tell("a webhook came to a path that is no hook", carrier=carrier, path=name, hooks=known)
        return await self._hook(carrier, "status", request)

    async def _document(self, carrier: CarrierName, request: web.Request) -> web.Response:
        raw = await _body(request)
        reception = self._receptions[carrier]
        parameters = read_parameters(request.rel_url.raw_query_string, request.content_type, raw)
        if not self._admits(reception, request, self._base(request), parameters, raw):
            return web.Response(status=403)
        return _document(reception.hooks.document(request.match_info["token"]))

    def _admits(
        self, reception: Reception, request: web.Request, base: str, parameters: Parameters, raw: bytes
    ) -> bool:
        given = request.match_info.get("secret")
        if given is not None and not compare_digest(given.encode("utf-8", "replace"), self._secret.encode()):
            why = "the secret in its path is wrong"
            self._refusals.tell("a webhook was refused", why=why, setting="keys.webhook_secret")
            return False
        signed = SignedRequest(
            request.method,
            base + request.raw_path,
            _signature_headers(request),
            parameters.body,
            raw,
            is_form=parameters.is_form,
        )
        return reception.gate.admits_hook(signed, with_secret=given is not None)

    def _base(self, request: web.Request) -> str:
        return self._addresses.base(request.scheme, request.host, request.headers, request.remote)

    # Media sockets

    async def _socket(self, carrier: CarrierName, request: web.Request) -> web.StreamResponse:
        reception = self._receptions[carrier]
        arrivals, house = reception.hooks.arrivals, reception.hooks.house
        token = request.match_info["token"]
        ticket = arrivals.ticket(token)
        if ticket is None:
            self._refusals.tell("a media socket was refused: its token is unknown, used or expired", carrier=carrier)
            return web.Response(status=403)
        url = web_socket_url(self._base(request)) + request.raw_path
        if not reception.gate.admits_socket(SignedRequest("GET", url, _signature_headers(request))):
            return web.Response(status=403)

        began = False

        def begin(leg: Leg) -> None:
            nonlocal began
            if arrivals.begin(token):
                began = True
                house.answer(leg)
            else:
                self._close_second(leg)

        try:
            return await self._serve(request, ticket, begin, house.control_for(ticket))
        finally:
            if began:
                arrivals.end(carrier, ticket.carrier_call_id, token)

    async def _no_socket(self, carrier: CarrierName, request: web.Request) -> web.Response:
        self._refusals.tell("a media socket was refused: it has no token", carrier=carrier, peer=request.remote or "")
        return web.Response(status=403)

    def _close_second(self, leg: Leg) -> None:
        log.warning("a second media socket of a call was closed", carrier=leg.carrier, peer=leg.peer)

        async def close() -> None:
            await leg.close(EndReason.PROTOCOL)

        task = asyncio.get_running_loop().create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _both(path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Iterator[web.RouteDef]:
    yield web.get(path, handler, allow_head=False)
    yield web.post(path, handler)


def _document(document: bytes) -> web.Response:
    return web.Response(body=document, content_type="application/xml", charset="utf-8")


def _signature_headers(request: web.Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        folded = name.lower()
        if folded.startswith(_SIGNED):
            found[folded] = f"{found[folded]},{value}" if folded in found else value
    return found


async def _body(request: web.Request) -> bytes:
    """The body, if it is small and comes soon. Raises HTTPRequestEntityTooLarge and HTTPRequestTimeout."""
    size = request.content_length or 0
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            while size <= _MOST_BYTES and (part := await request.content.readany()):
                body += part
                size = max(size, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    if size > _MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(_MOST_BYTES, size)
    return bytes(body)
