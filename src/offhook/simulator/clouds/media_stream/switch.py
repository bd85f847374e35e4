"""The calls of one cloud: who phones in, who is phoned, and what is going on now."""

import asyncio
from collections.abc import Coroutine, Mapping

from offhook.simulator.clouds.media_stream.call import CloudCall
from offhook.simulator.clouds.media_stream.callees import Callee, answers
from offhook.simulator.clouds.media_stream.conducting import receive, ring_and_talk
from offhook.simulator.clouds.media_stream.endings import CALLER_NORMAL
from offhook.simulator.clouds.media_stream.facts import CallFacts, Direction
from offhook.simulator.clouds.media_stream.orders import Hooks, Placing
from offhook.simulator.clouds.media_stream.webhooks import Sender

__all__ = ["Switch"]

CLOSE_S = 5.0


class Switch:
    """`callees` says who answers which number (digits alone); anybody else is `callee`."""

    def __init__(self, sender: Sender):
        self.calls: dict[str, CloudCall] = {}
        self.callee = answers()
        self.callees: dict[str, Callee] = {}
        self._sender = sender
        self._living: set[asyncio.Task[None]] = set()
        self._faults: list[BaseException] = []

    @property
    def live(self) -> list[CloudCall]:
        """The calls that have not ended."""
        return [call for call in self.calls.values() if call.ending is None]

    def find(self, call_id: str) -> CloudCall | None:
        """A call that has not ended."""
        call = self.calls.get(call_id)
        return call if call is not None and call.ending is None else None

    def who_answers(self, number: str) -> Callee:
        """The callee of a number, however it is written."""
        digits = "".join(each for each in number if each.isdigit())
        return self.callees.get(digits, self.callee)

    def receive(
        self,
        hooks: Hooks,
        from_: str,
        to: str,
        *,
        forwarded_from: str = "",
        caller_name: str = "",
        sip_headers: Mapping[str, str] | None = None,
        own_mouth: bool = True,
    ) -> CloudCall:
        """Somebody phones in."""
        facts = self._facts("inbound", from_, to)
        facts.forwarded_from = forwarded_from and self._sender.dialect.number(forwarded_from)
        facts.caller_name, facts.sip_headers = caller_name, dict(sip_headers or {})
        call = CloudCall(facts, hooks, self._sender, own_mouth=own_mouth)
        self._live(call, call.live(lambda call: receive(call, self.who_answers)))
        return call

    def place(self, placing: Placing) -> CloudCall:
        """A server phones somebody."""
        facts = self._facts("outbound", placing.from_, placing.to)
        facts.status = "queued"
        facts.caller_name, facts.sip_headers = placing.caller_name, placing.sip_headers
        call = CloudCall(facts, placing.hooks, self._sender)
        callee = self.who_answers(placing.to)
        self._live(call, call.live(lambda call: ring_and_talk(call, placing, callee, self.who_answers)))
        return call

    async def close(self) -> None:
        """Hang up everything, and give the server a moment to be told. Raises what went wrong in a call by a fault of
        the double's own."""
        for call in self.calls.values():
            call.courier.hasten()
        for call in self.live:
            call.order(CALLER_NORMAL)
        if self._living:
            await asyncio.wait(self._living, timeout=CLOSE_S)
        for call in self.calls.values():
            call.courier.abandon()
        for task in self._living:
            task.cancel()
        await asyncio.gather(*self._living, return_exceptions=True)
        if self._faults:
            raise self._faults[0]

    def _facts(self, direction: Direction, from_: str, to: str) -> CallFacts:
        sender = self._sender
        return CallFacts(
            dialect=sender.dialect,
            account=sender.account,
            id=sender.dialect.new_call_id(),
            direction=direction,
            from_=sender.dialect.number(from_),
            to=sender.dialect.number(to),
            began=sender.clock.utc(),
        )

    def _live(self, call: CloudCall, life: Coroutine[None, None, None]) -> None:
        self.calls[call.id] = call
        task = asyncio.get_running_loop().create_task(life)
        self._living.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._living.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._faults.append(fault)
