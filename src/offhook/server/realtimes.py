"""Puts an agent with speech-to-speech sessions together."""

from functools import partial

from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.expected import Announced, ExpectedSessions
from offhook.calls.engines.pipeline import PipelineParts
from offhook.calls.engines.realtime import Realtime, RealtimeParts
from offhook.calls.engines.stand_in import RealtimeWithStandIn
from offhook.server.brains import Expects
from offhook.server.business import Business
from offhook.server.providers import Providers

__all__ = ["open_sessions", "realtime_engine", "realtime_parts"]


def realtime_parts(
    business: Business,
    providers: Providers,
    fallback: PipelineParts | None,
    *,
    most_expected: int,
    siblings: dict[str, RealtimeParts] | None = None,
) -> RealtimeParts:
    """What the calls of an agent with sessions share, in one of its languages; `fallback` takes over where there are
    none. It joins `siblings`, which has the same for all languages."""
    agent = business.agent
    siblings = {} if siblings is None else siblings
    sessions = providers.sessions(agent)
    expected = ExpectedSessions(sessions, lambda: [tool.spec for tool in business.tools], most=most_expected)
    providers.closers.append(expected.close)
    siblings[agent.language] = parts = RealtimeParts(
        agent,
        sessions,
        business.tools,
        fallback,
        uninterrupted=providers.uninterrupted(agent),
        expected=expected,
        instructions=business.instructions,
        languages=siblings,
    )
    return parts


def realtime_engine(parts: RealtimeParts) -> EngineFactory:
    """Answers calls with the sessions of `parts`."""
    return partial(_realtime, parts=parts)


def open_sessions(parts: RealtimeParts) -> Expects:
    """What to do for an agent that is about to be called: the whole session, or a connection where it cannot be had."""

    async def expects(announced: Announced | None) -> None:
        # A call that nobody announced is there already, and opens its own.
        if announced is None:
            return
        if parts.expected is None or not parts.expected.open(announced):
            await parts.providers.best.warm_up()

    return expects


def _realtime(call: CallHandle, *, parts: RealtimeParts) -> Engine:
    if parts.fallback is None:
        return Realtime(call, parts)
    return RealtimeWithStandIn(call, parts, parts.fallback)
