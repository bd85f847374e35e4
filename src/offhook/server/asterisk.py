"""Asterisk's manager interface in this server: calls get an origin and a control, and calls are placed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from offhook.carriers.asterisk.ami import Ami, ami_account
from offhook.carriers.asterisk.callers import Callers
from offhook.carriers.asterisk.control import AsteriskControl
from offhook.carriers.asterisk.placing import AsteriskPlacer
from offhook.carriers.asterisk.websocket_connection import OnWebSocketCall
from offhook.carriers.asterisk.websocket_leg import WebSocketLeg
from offhook.carriers.audiosocket.connection import OnCall
from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.carriers.outbound import Dialler
from offhook.config import Settings
from offhook.errors import CallError, CarrierError

__all__ = ["Asterisk", "audiosocket_address", "open_asterisk"]

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - addresses to listen on, which nobody can connect to


class Asterisk:
    """What the manager interface `ami` is used for. `port` gives that of our AudioSocket.

    `connected` is set while the manager interface is there.
    """

    def __init__(self, ami: Ami, settings: Settings, port: Callable[[], int]):
        self._ami = ami
        self.connected = ami.connected
        self._settings = settings
        self._callers = Callers(ami, settings.asterisk)
        self._tasks: set[asyncio.Task[None]] = set()
        self.placer = AsteriskPlacer(ami, settings.asterisk, lambda: audiosocket_address(settings, port()))

    def introduced(self, answer: OnCall, dialler: Dialler) -> OnCall:
        """`answer`, called when it is known who calls, or a moment later if nothing is. No leg waits for another."""

        def take(leg: AudioSocketLeg) -> None:
            origin = dialler.origin(leg.carrier_call_id)
            if origin is not None:
                leg.origin, leg.control = origin, self._control(leg, placed=True)
                answer(leg)
            else:
                task = asyncio.get_running_loop().create_task(self._introduce(leg, answer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        return take

    def controlled(self, answer: OnWebSocketCall) -> OnWebSocketCall:
        """`answer`, called with a leg that has a control. Its origin came with it."""

        def take(leg: WebSocketLeg) -> None:
            async def channel() -> str:
                return leg.caller_channel or await self._bridged_with(leg.channel)

            leg.control = AsteriskControl(
                self._ami, leg.carrier_call_id, leg, channel=channel, settings=self._settings.asterisk
            )
            answer(leg)

        return take

    async def close(self) -> None:
        """Wait for no caller any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _introduce(self, leg: AudioSocketLeg, answer: OnCall) -> None:
        leg.control = self._control(leg, placed=False)
        leg.origin = await self._callers.origin(leg.carrier_call_id)
        answer(leg)

    def _control(self, leg: AudioSocketLeg, *, placed: bool) -> AsteriskControl:
        call_id = leg.carrier_call_id

        async def channel() -> str:
            # The channel of a call that we placed has our id.
            return call_id if placed else await self._callers.channel(call_id)

        return AsteriskControl(self._ami, call_id, leg, channel=channel, settings=self._settings.asterisk)

    async def _bridged_with(self, channel: str) -> str:
        """The channel of the caller whom Asterisk has connected to our WebSocket channel. Raises CallError."""
        peer = (await self._ami.action("Getvar", Channel=channel, Variable="BRIDGEPEER")).get("Value")
        if not peer:
            raise CallError("Asterisk has connected no caller to this channel")
        return peer


def audiosocket_address(settings: Settings, port: int) -> str:
    """host:port at which Asterisk reaches our AudioSocket, which listens at `port`. Raises CarrierError where that is
    not known."""
    given, host = settings.asterisk.audiosocket, settings.audiosocket.host
    if given:
        return given
    if host in _EVERYWHERE or ":" in host or not port:
        raise CarrierError(
            "it is not known at which address Asterisk reaches our AudioSocket",
            carrier="asterisk",
            hint="Set asterisk.audiosocket to host:port as Asterisk sees this machine, as in 10.0.0.5:9093.",
        )
    return f"{host}:{port}"


@asynccontextmanager
async def open_asterisk(settings: Settings, port: Callable[[], int]) -> AsyncIterator[Asterisk | None]:
    """The connection to the manager interface of the settings, kept while inside; None where no user is set.

    Raises ConfigError for a user that cannot log in. Whether Asterisk is there does not matter yet.
    """
    account = ami_account(settings)
    if account is None:
        yield None
        return
    ami = Ami(account)
    asterisk = Asterisk(ami, settings, port)
    running = asyncio.create_task(ami.run())
    try:
        yield asterisk
    finally:
        await asterisk.close()
        running.cancel()
        await asyncio.wait([running])
