"""After the events of Asterisk were away: what became of calls, and whom an earlier run left in our application."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import structlog

from offhook.carriers.asterisk.ari import Ari, path
from offhook.carriers.asterisk.ari_call import AriCall, bridge_id, id_in, surely
from offhook.carriers.asterisk.ari_calls import AriCalls
from offhook.carriers.asterisk.ari_wire import AriChannel, plain_id
from offhook.errors import CarrierError, WireError

__all__ = ["AriRecovery"]

_SECOND_LOOK_S = 1.0
_PAIR = 2

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class AriRecovery:
    """Compares the calls that we know with what Asterisk has. `expects` is whether a channel is one that we are
    calling, `missed` is told which channels are there.

    Whoever is left from an earlier run of this server goes on in the dialplan; two who talk with each other may.
    """

    def __init__(
        self,
        ari: Ari,
        calls: AriCalls,
        *,
        expects: Callable[[str], bool] = lambda channel: False,
        missed: Callable[[set[str]], None] = lambda channels: None,
        second_look_s: float = _SECOND_LOOK_S,
    ):
        self._ari = ari
        self._calls = calls
        self._expects = expects
        self._missed = missed
        self._second_look_s = second_look_s
        self._looking: asyncio.Task[None] | None = None

    async def recover(self) -> None:
        """Settle what happened while no events came. Raises CarrierError, WireError."""
        there = _ids(await self._application(), "channel_ids")
        self._missed(there)
        for call in self._calls.in_progress:
            if call.bridged.done() and call.party.id not in there:
                self._calls.party_gone(call, "it is not known when")
            elif call.bridged.done() and call.media not in there:
                self._calls.media_gone(call)
        if self._strangers(there):
            self.close()
            # By then the events of those who have just come are here.
            self._looking = asyncio.get_running_loop().create_task(self._look_again(there))

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _application(self) -> Any:
        """What our application has to do with."""
        return await self._ari.ask("GET", path("applications", self._ari.app))

    def _strangers(self, channels: Iterable[str]) -> set[str]:
        known = {name for call in self._calls.in_progress for name in (call.party.id, call.media)}
        return {each for each in channels if each not in known and not self._expects(each.partition(";")[0])}

    async def _look_again(self, before: set[str]) -> None:
        await asyncio.sleep(self._second_look_s)
        try:
            application = await self._application()
            said = await self._ari.ask("GET", "/bridges")
            bridges = said if isinstance(said, list) else []
            there = _ids(application, "channel_ids")
            self._adopt(bridges, there)
            left = self._strangers(before & there)
            abandoned = self._abandoned(bridges, _ids(application, "bridge_ids"), left)
        except (CarrierError, WireError) as error:
            log.warning("callers may be left in our application", problem=str(error))
            return
        for channel in left:
            log.warning("a channel of which nothing is known is sent away", channel=channel)
            await surely(self._send_away(channel))
        for bridge in abandoned:
            await surely(self._ari.ask("DELETE", path("bridges", bridge), fine=(404,)))

    async def _send_away(self, channel: str) -> None:
        if id_in(channel):
            await self._ari.ask("DELETE", path("channels", channel), fine=(404,))
        else:
            # Where there is no dialplan, Asterisk hangs up. One that is not in the application yet still rings.
            said = await self._ari.ask("POST", path("channels", channel, "continue"), fine=(404, 409, 412))
            if isinstance(said, dict):
                await self._ari.ask("DELETE", path("channels", channel), fine=(404,))

    def _abandoned(self, bridges: list[Any], ours: set[str], left: set[str]) -> list[str]:
        """Bridges of ours with nobody in them but who is sent away. Raises WireError."""
        known = {call.bridge for call in self._calls.in_progress}
        empty = (str(bridge.get("id")) for bridge in bridges if _ids(bridge, "channels") <= left)
        return [bridge for bridge in empty if bridge in ours - known and bridge.startswith(bridge_id(""))]

    def _adopt(self, bridges: list[Any], there: set[str]) -> None:
        """Take on people whom an earlier run has connected, and who talk still. Raises WireError."""
        for bridge in bridges:
            strangers = self._strangers(_ids(bridge, "channels") & there)
            pair = sorted(each for each in strangers if not id_in(each))
            if len(pair) == _PAIR:
                name = plain_id(bridge.get("id"))
                calls = (AriCall(self._ari, str(uuid4()), AriChannel(each, ""), bridge=name) for each in pair)
                self._calls.adopt(*calls)


def _ids(body: Any, name: str) -> set[str]:
    """Ids in a list. Raises WireError where there is no list of ids."""
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise WireError(f"Asterisk does not tell {name}")
    return {plain_id(each) for each in found}
