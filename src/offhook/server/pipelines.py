"""Puts the pipeline of an agent together, and tells the lines that it says often."""

import asyncio
from collections.abc import Iterable
from functools import partial

from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.expected import Announced
from offhook.calls.engines.pipeline import Pipeline, PipelineParts
from offhook.calls.speaker import Phrases
from offhook.calls.tools.base import Tool
from offhook.config import AgentSettings
from offhook.providers.llm.failover import FailoverFactory
from offhook.providers.llm.flow import FlowFactory
from offhook.server.brains import Expects
from offhook.server.business import Business
from offhook.server.local_time import local_clock
from offhook.server.providers import Providers

__all__ = ["pipeline_engine", "pipeline_parts", "warm_up", "what_it_says"]


async def pipeline_parts(
    business: Business, providers: Providers, siblings: dict[str, PipelineParts] | None = None
) -> PipelineParts:
    """What the calls of an agent with a pipeline share, in one of its languages. It joins `siblings`, which has the
    same for all of them. Raises ModelError, ConfigError."""
    agent = business.agent
    siblings = {} if siblings is None else siblings
    ears = await providers.ears(agent)
    responders = providers.brains(agent, lambda: FlowFactory(business.flow, business.facts, local_clock(agent)))
    siblings[agent.language] = parts = PipelineParts(
        agent,
        ears,
        await providers.phrases(agent),
        FailoverFactory(responders),
        business.tools,
        business.instructions,
        siblings,
        await _voices(agent, providers),
    )
    return parts


async def _voices(agent: AgentSettings, providers: Providers) -> dict[str, Phrases]:
    """The voices that an agent may be given in a call; its own stand in for each. Those of a model are not ours."""
    if agent.engine != "pipeline":
        return {}
    lists = {name: (name, *(each for each in agent.tts if each != name)) for name in agent.voices}
    return {name: await providers.phrases(agent.model_copy(update={"tts": tts})) for name, tts in lists.items()}


def pipeline_engine(parts: PipelineParts) -> EngineFactory:
    """Answers calls with the pipeline of `parts`."""
    return partial(_pipeline, parts=parts)


def warm_up(parts: PipelineParts) -> Expects:
    """What to do for an agent that is about to be called."""

    async def expects(announced: Announced | None) -> None:
        await asyncio.gather(
            parts.ears.best.warm_up(),
            parts.responders.standby.best.warm_up(),
            parts.phrases.synthesizer.standby.best.warm_up(),
        )

    return expects


def what_it_says(agent: AgentSettings, tools: Iterable[Tool] = ()) -> list[str]:
    """Lines that are synthesised before the first call."""
    silence = agent.silence
    lines = [agent.greeting, silence.ask_line, silence.goodbye_line, silence.max_duration_line, agent.trouble_line]
    lines += [*agent.filler_lines, *(tool.rules.filler for tool in tools if tool.rules.filler)]
    lines.append(agent.goodbye_line)
    if silence.wrap_up_s and "flow" in agent.llm:
        lines.append(silence.wrap_up_line)
    if agent.consults:
        lines += [agent.briefing.ask_line, agent.briefing.declined_line, agent.briefing.gone_line]
    return [*lines, agent.machine_message] if agent.machine == "leave_message" else lines


def _pipeline(call: CallHandle, *, parts: PipelineParts) -> Engine:
    return Pipeline(call, parts)
