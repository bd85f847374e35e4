"""Puts an agent with speech-to-speech sessions together."""

from collections.abc import Awaitable, Callable
from functools import partial

from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.pipeline import PipelineParts
from offhook.calls.engines.realtime import Realtime, RealtimeParts
from offhook.calls.engines.stand_in import RealtimeWithStandIn
from offhook.server.business import Business
from offhook.server.providers import Providers

__all__ = ["open_connections", "realtime_engine", "realtime_parts"]


def realtime_parts(business: Business, providers: Providers, fallback: PipelineParts | None) -> RealtimeParts:
    """What the calls of an agent with sessions share; `fallback` takes over where there are none."""
    agent = business.agent
    return RealtimeParts(
        agent, providers.sessions(agent), business.tools, fallback, uninterrupted=providers.uninterrupted(agent)
    )


def realtime_engine(parts: RealtimeParts) -> EngineFactory:
    """Answers calls with the sessions of `parts`."""
    return partial(_realtime, parts=parts)


def open_connections(parts: RealtimeParts) -> Callable[[], Awaitable[None]]:
    """What to do for an agent that is about to be called."""

    async def expects() -> None:
        await parts.providers.best.warm_up()

    return expects


def _realtime(call: CallHandle, *, parts: RealtimeParts) -> Engine:
    if parts.fallback is None:
        return Realtime(call, parts)
    return RealtimeWithStandIn(call, parts, parts.fallback)
