"""The cloud of one carrier: its REST API on a free port, its calls, and how it reaches a server."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from offhook.simulator.clouds.media_stream.call import CloudCall
from offhook.simulator.clouds.media_stream.callees import Callee
from offhook.simulator.clouds.media_stream.clock import Clock, RealTime
from offhook.simulator.clouds.media_stream.dialects import DIALECTS, Account, Carrier, default_account
from offhook.simulator.clouds.media_stream.orders import Hook, Hooks
from offhook.simulator.clouds.media_stream.rest import ApiError, Limits, RestRequest
from offhook.simulator.clouds.media_stream.rest_plivo import PlivoApi
from offhook.simulator.clouds.media_stream.rest_twilio import TwilioApi
from offhook.simulator.clouds.media_stream.signing import Signing
from offhook.simulator.clouds.media_stream.switch import Switch
from offhook.simulator.clouds.media_stream.variants import Variants
from offhook.simulator.clouds.media_stream.webhooks import Sender

__all__ = ["CarrierCloud"]

CALLER = "+15550142"
CALLED = "+15550100"


class CarrierCloud:
    """A double of Vobiz, Plivo or Twilio, to be entered with `async with`.

    `signing` makes webhooks signed, wrongly signed or unsigned. `clock` may let calls run faster. `reach` maps the
    public origin of a server ("https://agent.example.com") to the one that is connected to, and is looked at for each
    request, so that it may be filled in when the server has its port; webhooks are signed for the public one.
    """

    def __init__(
        self,
        carrier: Carrier,
        *,
        account: Account | None = None,
        signing: Signing = "right",
        variants: Variants | None = None,
        clock: Clock | None = None,
        reach: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ):
        self.dialect = DIALECTS[carrier]
        self.account = account or default_account(carrier)
        self.api_url = ""
        self._signing = signing
        self._variants = variants or Variants()
        self._clock = clock or RealTime()
        self._reach = {} if reach is None else reach
        self._host, self._port = host, port

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self._switch = Switch(self._sender())
        api = TwilioApi if self.dialect.twilio else PlivoApi
        self._api = api(self.dialect, self.account, self._switch)
        app = web.Application(client_max_size=1 << 20)
        app.add_routes(self._api.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.api_url = f"http://{host}:{port}{self.dialect.base_path}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._switch.close()
        finally:
            await self._runner.cleanup()
            await self._session.close()

    @property
    def calls(self) -> dict[str, CloudCall]:
        """All calls by their id, in the order in which they began."""
        return self._switch.calls

    @property
    def requests(self) -> list[RestRequest]:
        """What the REST API was asked."""
        return self._api.log.requests

    @property
    def limits(self) -> Limits:
        """What the account may do."""
        return self._api.limits

    @property
    def callees(self) -> dict[str, Callee]:
        """Who answers which number, by its digits."""
        return self._switch.callees

    def everybody(self, callee: Callee) -> None:
        """Who answers all other numbers."""
        self._switch.callee = callee

    def refuse_next(self, status: int, message: str = "refused", *, code: str = "", times: int = 1) -> None:
        """Answer the next REST requests with an error."""
        self._api.log.faults.extend(ApiError(status, message, code=code) for _ in range(times))

    def phone_in(
        self,
        answer_url: str,
        *,
        from_: str = CALLER,
        to: str = CALLED,
        method: str = "POST",
        hangup_url: str = "",
        fallback_url: str = "",
        status_url: str = "",
        forwarded_from: str = "",
        caller_name: str = "",
        sip_headers: Mapping[str, str] | None = None,
        own_mouth: bool = True,
    ) -> CloudCall:
        """Somebody calls the server's number, whose settings in the carrier's console are these URLs.

        `status_url` is Twilio's status callback. Without `own_mouth`, the caller's audio is given frame by frame.
        """
        hooks = Hooks(
            answer=Hook(answer_url, method),
            hangup=Hook(hangup_url),
            fallback=Hook(fallback_url),
            status=Hook(status_url),
        )
        return self._switch.receive(
            hooks,
            from_,
            to,
            forwarded_from=forwarded_from,
            caller_name=caller_name,
            sip_headers=sip_headers,
            own_mouth=own_mouth,
        )

    def _sender(self) -> Sender:
        return Sender(
            self._session,
            self.dialect,
            self.account,
            self._signing,
            self._variants,
            self._clock,
            self._actual,
        )

    def _actual(self, url: str) -> str:
        for public, actual in self._reach.items():
            web_origin, socket_origin = public.rstrip("/"), public.rstrip("/").replace("http", "ws", 1)
            if url.startswith(web_origin):
                return actual.rstrip("/") + url[len(web_origin) :]
            if url.startswith(socket_origin):
                return actual.rstrip("/").replace("http", "ws", 1) + url[len(socket_origin) :]
        return url
