"""Who calls by AudioSocket: what Asterisk knows of the caller's channel."""

import asyncio

import structlog

from offhook.calls.leg import CallOrigin
from offhook.carriers.asterisk.ami import Ami
from offhook.carriers.asterisk.channels import EVENTS, ChannelFacts, Channels, uuids_in
from offhook.config import AsteriskSettings
from offhook.errors import CallError, CarrierError, WireError

__all__ = ["Callers"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_DIALLED_WITH = frozenset("+0123456789*#")


class Callers:
    """Listens to the manager interface for the channels of AudioSocket calls."""

    def __init__(self, ami: Ami, settings: AsteriskSettings):
        self._ami = ami
        self._settings = settings
        self._channels = Channels()
        self._warned = False
        ami.subscribe(EVENTS, self._channels.note)

    async def origin(self, call_id: str) -> CallOrigin:
        """What is known of a call within `lookup_ms`; an empty origin if nothing is. Does not raise."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.lookup_ms / 1000
        if not self._ami.connected.is_set():
            return CallOrigin()
        try:
            async with asyncio.timeout_at(until):
                facts = await self._channels.wait(call_id)
        except TimeoutError:
            self._warn(call_id)
            return CallOrigin()
        variables = await self._variables(facts.id, until - loop.time())
        dialled = facts.extension if set(facts.extension) <= _DIALLED_WITH else ""
        return CallOrigin(
            from_number=facts.caller_number, to_number=dialled, variables=_told_by_events(facts) | variables
        )

    async def channel(self, call_id: str) -> str:
        """The id of the caller's channel, asked for where no event told it. Raises CallError."""
        facts = self._channels.find(call_id)
        if facts is not None:
            return facts.id
        for row in await self._ami.list_of("CoreShowChannels"):
            runs = row.get("ApplicationData")
            if "AudioSocket" in row.get("Application") + runs and call_id in uuids_in(runs):
                return row.get("Uniqueid")
        raise CallError("Asterisk knows no channel of this call any more")

    async def _variables(self, channel: str, within_s: float) -> dict[str, str]:
        tasks = {name: asyncio.create_task(self._variable(channel, name)) for name in self._settings.variables}
        if not tasks:
            return {}
        await asyncio.wait(tasks.values(), timeout=max(0.0, within_s))
        late = [name for name, task in tasks.items() if task.cancel()]
        if late:
            log.warning("Asterisk did not tell variables of a channel in time", variables=late, channel=channel)
        values = {name: task.result() for name, task in tasks.items() if name not in late}
        return {name: value for name, value in values.items() if value}

    async def _variable(self, channel: str, name: str) -> str:
        try:
            return (await self._ami.action("Getvar", Channel=channel, Variable=name)).get("Value")
        except (CarrierError, WireError) as error:
            log.warning("a variable of a channel is not known", variable=name, problem=str(error))
            return ""

    def _warn(self, call_id: str) -> None:
        # Once is enough for a manager user without the right to read the dialplan.
        if not self._warned:
            self._warned = True
            remedy = "The manager user needs `read = call,dialplan`; or raise asterisk.lookup_ms."
            log.warning("Asterisk told nothing of a call in time", call=call_id, remedy=remedy)


def _told_by_events(facts: ChannelFacts) -> dict[str, str]:
    told = {
        "channel": facts.name,
        "uniqueid": facts.id,
        "caller_name": facts.caller_name,
        "extension": facts.extension,
        "context": facts.context,
        "language": facts.language,
        "account": facts.account,
    }
    return {name: value for name, value in told.items() if value}
