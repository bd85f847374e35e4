"""Vobiz, Plivo and Twilio in this server: their webhooks, their media sockets and their accounts put together."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import structlog
from aiohttp import web

from offhook.calls.leg import CallControl, CallOrigin, Leg
from offhook.carriers.media_stream import documents
from offhook.carriers.media_stream.accounts import CARRIERS
from offhook.carriers.media_stream.addresses import Addresses
from offhook.carriers.media_stream.api import CarrierApi
from offhook.carriers.media_stream.connection import serve_stream
from offhook.carriers.media_stream.control import StreamControl
from offhook.carriers.media_stream.gate import Gate
from offhook.carriers.media_stream.hooks import CallWatch, Hooks, House
from offhook.carriers.media_stream.routes import HookRoutes, Reception
from offhook.carriers.media_stream.tickets import Ticket
from offhook.carriers.media_stream.webhooks import CallState, HangupHook
from offhook.carriers.stream_socket import StreamSocket
from offhook.config import CarrierName, Settings
from offhook.events import EndReason
from offhook.server.switchboard import Switchboard

__all__ = ["MediaStreams"]

log = structlog.get_logger(__name__)


class NobodyDials:
    """Watches the calls of a server that places none."""

    def origin(self, dial_id: str) -> CallOrigin | None:
        """None is known."""
        return None

    def identify(self, dial_id: str, carrier_call_id: str) -> None:
        """Of no use here."""

    def progress(self, dial_id: str, state: CallState, detail: str) -> None:
        """Worth a line for whoever looks for a call of a server that was there before."""
        log.debug("news of a call that nobody here dialled", dial_id=dial_id, state=state, detail=detail)


class MediaStreams:
    """The carriers that are enabled. Until `open`, and while the switchboard drains, they reject calls.

    `addresses` makes the addresses of the hooks, `apis` are those of the accounts that are set.
    """

    def __init__(
        self,
        settings: Settings,
        addresses: Addresses,
        apis: Mapping[CarrierName, CarrierApi],
        *,
        watch: CallWatch | None = None,
    ):
        """Raises ConfigError where signatures are required and cannot be checked."""
        self._settings = settings
        self._switchboard: Switchboard | None = None
        self._sockets: set[asyncio.Task[object] | None] = set()
        self.addresses = addresses
        self._apis = apis
        self._house = House(
            answer=self._answer,
            expect=self._expect,
            hung_up=self._hung_up,
            watch=watch or NobodyDials(),
            control_for=self.control_for,
            draining=lambda: self._switchboard is None or self._switchboard.draining,
            rejects=self._rejects,
        )
        enabled = [carrier for carrier in CARRIERS if settings.carrier(carrier).enabled]
        self._receptions = {carrier: Reception(Gate(settings, carrier), self._hooks(carrier)) for carrier in enabled}

    @property
    def carriers(self) -> tuple[CarrierName, ...]:
        """Those that may call."""
        return tuple(self._receptions)

    def routes(self) -> Iterator[web.RouteDef]:
        """What belongs into the server's HTTP."""
        root, secret = self._settings.media_streams.root, self.addresses.secret
        return HookRoutes(self._receptions, self.addresses, self._serve, root=root, secret=secret).routes()

    def open(self, switchboard: Switchboard) -> None:
        """Take calls from now on."""
        self._switchboard = switchboard

    async def close(self) -> None:
        """Take no call any more, and end the media sockets that have brought none yet.

        What carriers still tell of calls is passed over from now on: nobody is there to write it down."""
        self._switchboard = None
        tasks = [task for task in self._sockets if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hooks(self, carrier: CarrierName) -> Hooks:
        settings = self._settings
        return Hooks(settings.carrier(carrier), carrier, self._house, self.addresses, settings.media_streams.token_s)

    async def _serve(
        self, request: web.Request, ticket: Ticket, begin: Callable[[Leg], None], control: CallControl | None
    ) -> web.StreamResponse:
        limits = self._settings.media_streams
        socket = StreamSocket(limits.max_message_bytes)
        await socket.prepare(request)
        task = asyncio.current_task()
        self._sockets.add(task)
        try:
            await serve_stream(
                socket,
                ticket,
                carrier=self._settings.carrier(ticket.carrier),
                limits=limits,
                answer=begin,
                control=control,
                peer=_peer(request),
            )
        finally:
            self._sockets.discard(task)
        return socket

    # What the carriers tell

    def _answer(self, leg: Leg) -> None:
        if self._switchboard is not None:
            self._switchboard.answer(leg)

    def _rejects(self, origin: CallOrigin, carrier_call_id: str) -> bool:
        return self._switchboard is not None and self._switchboard.rejects(origin, carrier_call_id)

    def _expect(self, ticket: Ticket) -> None:
        if self._switchboard is not None:
            self._switchboard.expect(
                ticket.carrier, ticket.origin, carrier_call_id=ticket.carrier_call_id, format=ticket.format
            )

    def _hung_up(self, carrier: CarrierName, hook: HangupHook) -> None:
        if self._switchboard is not None:
            reason = EndReason.ERROR if hook.is_fault else EndReason.CALLER_HUNG_UP
            self._switchboard.hung_up(carrier, hook.call.call_id, reason, hook.detail)

    # What calls ask of the carriers

    def control_for(self, ticket: Ticket) -> CallControl | None:
        """The carrier's hand on a call; None where there is no account, or no id of the call."""
        api = self._apis.get(ticket.carrier)
        if api is None or not ticket.carrier_call_id:
            return None
        return StreamControl(
            api,
            ticket.carrier_call_id,
            publish=self._receptions[ticket.carrier].hooks.publish,
            dial_document=partial(self.dial_document, ticket),
        )

    def dial_document(self, ticket: Ticket, to: str) -> bytes:
        """Connects the caller of `ticket` to `to`, under the number of ours that the call is about."""
        settings, origin = self._settings.carrier(ticket.carrier), ticket.origin
        ours = origin.to_number if origin.direction == "inbound" else origin.from_number
        known = self.addresses.reachable
        return documents.dial(
            ticket.carrier,
            to,
            caller_id=ours or settings.from_number or self._settings.keys.from_number,
            timeout_s=settings.ring_timeout_s,
            action_url=self.addresses.hook(ticket.carrier, "dial-status") if known else "",
        )


def _peer(request: web.Request) -> str:
    address = request.transport.get_extra_info("peername") if request.transport else None
    return f"{address[0]}:{address[1]}" if address else ""
