"""Puts the pipelines of the agents that talk together, and prepares the lines that they say often."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from offhook.audio.convert import converter
from offhook.audio.formats import PCM_8K, PCM_16K, PCM_24K, AudioFormat, Encoding
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.pipeline import Pipeline, PipelineParts
from offhook.calls.speaker import Phrases
from offhook.calls.tools.defaults import default_tools
from offhook.config import AgentSettings, Settings
from offhook.providers.llm.failover import FailoverFactory
from offhook.providers.llm.flow import Facts, FlowFactory, instructions_for_llm, load_facts, load_flow
from offhook.providers.tts.failover import FailoverSynthesizer
from offhook.server.brains import Brains
from offhook.server.local_time import local_clock
from offhook.server.providers import Providers

__all__ = ["load_pipelines"]

_USUAL_RATES = (8_000, 16_000, 24_000, 48_000)


async def load_pipelines(settings: Settings, agents: Mapping[str, AgentSettings], brains: Brains) -> None:
    """Add to `brains` the engines of `agents`, which share their providers. Raises ModelError, ConfigError."""
    providers = Providers(settings)
    providers.check_keys()
    # The list itself: what is made before a failure is closed, too.
    brains.closers = providers.closers
    parts = {name: await _parts(name, agent, providers, brains) for name, agent in agents.items()}
    await providers.check()
    brains.phrases = next(iter(parts.values())).phrases
    await brains.phrases.prepare([settings.limits.busy_line], speed=1.0)
    for name, each in parts.items():
        brains.engines[name] = partial(_pipeline, parts=each)
        brains.expects[name] = _expects(each)
        await each.phrases.prepare(_lines(each.agent), speed=each.agent.speed)
    await asyncio.gather(providers.first_work(), asyncio.to_thread(_design_filters))


async def _parts(name: str, configured: AgentSettings, providers: Providers, brains: Brains) -> PipelineParts:
    flow, facts = load_flow(configured.flow), load_facts(configured.facts)
    agent = _named(configured, facts)
    brains.instructions[name] = agent.instructions or instructions_for_llm(flow, facts)
    ears = await providers.ears(agent)
    voices = FailoverSynthesizer(await providers.voices(agent))
    responders = providers.brains(agent, lambda: FlowFactory(flow, facts, local_clock(agent)))
    return PipelineParts(
        agent, ears, Phrases(voices), FailoverFactory(responders), default_tools(facts, agent.transfers)
    )


def _design_filters() -> None:
    """Have the resampler's tables of the usual lines ready, so that no first call waits for them.

    Prepared lines, and the voices that do not speak what a line speaks, are at 24 kHz."""
    for rate in _USUAL_RATES:
        line = AudioFormat(Encoding.PCM16, rate)
        converter(PCM_24K, line)
        converter(line, PCM_8K)
        converter(line, PCM_16K)


def _pipeline(call: CallHandle, *, parts: PipelineParts) -> Engine:
    return Pipeline(call, parts)


def _expects(parts: PipelineParts) -> Callable[[], Awaitable[None]]:
    """What to do for an agent that is about to be called."""

    async def expects() -> None:
        await asyncio.gather(
            parts.ears.best.warm_up(),
            parts.responders.standby.best.warm_up(),
            parts.phrases.synthesizer.standby.best.warm_up(),
        )

    return expects


def _named(agent: AgentSettings, facts: Facts) -> AgentSettings:
    """The agent with the name of its business in its greeting."""
    return agent.model_copy(update={"greeting": agent.greeting.replace("{business}", facts.business.name)})


def _lines(agent: AgentSettings) -> list[str]:
    silence = agent.silence
    lines = [agent.greeting, silence.ask_line, silence.goodbye_line, silence.max_duration_line, agent.trouble_line]
    return [*lines, agent.machine_message] if agent.machine == "leave_message" else lines
