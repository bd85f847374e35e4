"""Asterisk's REST interface in this server: callers come into our application, and calls are placed from it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from offhook.carriers.asterisk.ari import Ari, ari_account
from offhook.carriers.asterisk.ari_call import AriCall
from offhook.carriers.asterisk.ari_calls import AriCalls
from offhook.carriers.asterisk.ari_control import AriControl
from offhook.carriers.asterisk.ari_placing import AriPlacer
from offhook.carriers.asterisk.ari_recovery import AriRecovery
from offhook.carriers.audiosocket.connection import OnCall
from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.carriers.outbound import Dialler
from offhook.config import Settings
from offhook.events import EndReason
from offhook.server.asterisk import audiosocket_address
from offhook.server.switchboard import Switchboard

__all__ = ["AsteriskAri", "prepare_ari"]


class AsteriskAri:
    """What the REST interface `ari` is used for. `port` gives that of our AudioSocket.

    Until `open` Asterisk does not know our application, so that the dialplan goes on behind Stasis. `connected` is set
    while events come.
    """

    def __init__(self, ari: Ari, settings: Settings, port: Callable[[], int]):
        self._ari = ari
        self._settings = settings.asterisk
        self.connected = ari.connected
        self.placer = AriPlacer(ari, settings.asterisk)
        self._board: Switchboard | None = None
        self._calls = AriCalls(
            ari, settings.asterisk, lambda: audiosocket_address(settings, port()), full=lambda: self._full
        )
        recovery = AriRecovery(ari, self._calls, expects=self.placer.expects, missed=self.placer.missed)
        ari.on_connected = recovery.recover
        self._recovery = recovery
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self, switchboard: Switchboard) -> AsyncIterator[None]:
        """Take callers while inside. Those who are with us at the end go on in the dialplan."""
        self._board = switchboard
        running = asyncio.create_task(self._ari.run())
        try:
            yield
        finally:
            self._board = None
            await self._calls.close()
            self._recovery.close()
            for task in (running, *self._tasks):
                task.cancel()
            await asyncio.gather(running, *self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Ask Asterisk for nothing any more."""
        await self._ari.close()

    def introduced(self, answer: OnCall, dialler: Dialler, others: OnCall) -> OnCall:
        """`answer`, called with the legs of callers in our application when they can be heard; `others` with the
        rest."""

        def take(leg: AudioSocketLeg) -> None:
            if not self._calls.has(leg.carrier_call_id):
                others(leg)
                return
            task = asyncio.get_running_loop().create_task(self._introduce(leg, answer, dialler))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return take

    async def _introduce(self, leg: AudioSocketLeg, answer: OnCall, dialler: Dialler) -> None:
        call = await self._calls.claim(leg)
        if call is None:
            await leg.close(EndReason.ERROR)
            return
        placed = dialler.origin(call.id) if call.placed else None
        if call.placed and placed is None:
            await leg.close(EndReason.ERROR)
            return
        leg.origin, leg.control = placed or call.origin, self._control(call)
        answer(leg)

    def _control(self, call: AriCall) -> AriControl:
        return AriControl(self._ari, self._calls, call, self._settings)

    @property
    def _full(self) -> bool:
        return self._board is None or self._board.full


def prepare_ari(settings: Settings, port: Callable[[], int]) -> AsteriskAri | None:
    """The REST interface of the settings; None where no user is set. Raises ConfigError for a user that cannot be let
    in. Whether Asterisk is there does not matter yet."""
    account = ari_account(settings)
    return None if account is None else AsteriskAri(Ari(account), settings, port)
