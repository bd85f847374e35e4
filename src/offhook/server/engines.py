"""Loads the engines of the agents that talk, and prepares the lines that they say often."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from offhook.audio.convert import converter
from offhook.audio.formats import PCM_8K, PCM_16K, PCM_24K, AudioFormat, Encoding
from offhook.calls.engines.pipeline import PipelineParts
from offhook.calls.engines.realtime import RealtimeParts
from offhook.config import AgentSettings, Settings
from offhook.config.unspoken import unspoken
from offhook.errors import SettingsError
from offhook.server.brains import Brains
from offhook.server.business import Business, business_of
from offhook.server.pipelines import pipeline_engine, pipeline_parts, warm_up, what_it_says
from offhook.server.providers import Providers
from offhook.server.realtimes import open_sessions, realtime_engine, realtime_parts
from offhook.server.toolbox import Toolbox

__all__ = ["load_engines"]

_USUAL_RATES = (8_000, 16_000, 24_000, 48_000)


async def load_engines(settings: Settings, agents: Mapping[str, AgentSettings], brains: Brains) -> None:
    """Add to `brains` the engines of `agents`, which share their providers. Raises ModelError, ConfigError."""
    providers = Providers(settings, brains.on_used)
    providers.check_keys()
    if problems := unspoken(settings):
        raise SettingsError(problems)
    # The list itself: what is made before a failure is closed, too.
    brains.closers = providers.closers
    toolbox = Toolbox(settings)
    brains.closers.append(toolbox.close)
    businesses = {
        name: business_of(agent, await toolbox.tools(agent), _spoken(name, agents)) for name, agent in agents.items()
    }
    in_pipelines: defaultdict[str, dict[str, PipelineParts]] = defaultdict(dict)
    pipelines = {
        name: await pipeline_parts(business, providers, in_pipelines[_way(name)])
        for name, business in businesses.items()
        if business.agent.uses_pipeline
    }
    in_sessions: defaultdict[str, dict[str, RealtimeParts]] = defaultdict(dict)
    for name, business in businesses.items():
        _join(name, business, providers, pipelines.get(name), brains, siblings=in_sessions[_way(name)])
        if business.agent.consults:
            # Who asks people to take a call over has a voice, even where a speech-to-speech model talks with callers.
            brains.voices[name] = await providers.phrases(business.agent)
    await providers.check()
    await _prepare_lines(settings, list(pipelines.values()), brains)
    await asyncio.gather(providers.first_work(), asyncio.to_thread(_design_filters))


def _way(name: str) -> str:
    """An agent, or a variant of it, without the language that it talks in."""
    return name.partition("@")[0]


def _spoken(name: str, agents: Mapping[str, AgentSettings]) -> tuple[str, ...]:
    return tuple(agent.language for other, agent in agents.items() if _way(other) == _way(name))


def _join(
    name: str,
    business: Business,
    providers: Providers,
    pipeline: PipelineParts | None,
    brains: Brains,
    *,
    siblings: dict[str, RealtimeParts],
) -> None:
    brains.instructions[name] = business.instructions
    if business.agent.engine == "realtime":
        most = brains.settings.limits.max_calls
        sessions = realtime_parts(business, providers, pipeline, most_expected=most, siblings=siblings)
        brains.engines[name], brains.expects[name] = realtime_engine(sessions), open_sessions(sessions)
    elif pipeline is not None:
        brains.engines[name], brains.expects[name] = pipeline_engine(pipeline), warm_up(pipeline)


async def _prepare_lines(settings: Settings, pipelines: list[PipelineParts], brains: Brains) -> None:
    if pipelines:
        brains.phrases = pipelines[0].phrases
        await brains.phrases.prepare(_refusals(settings), speed=1.0)
    dear = [settings.costs.stop_call_line] if settings.costs.stop_per_call is not None else []
    for each in pipelines:
        await each.phrases.prepare([*what_it_says(each.agent, each.tools), *dear], speed=each.agent.speed)


def _refusals(settings: Settings) -> list[str]:
    """What callers hear who are turned away."""
    limits, costs = settings.limits, settings.costs
    lines = [limits.busy_line, *(agent.busy_line for agent in settings.agents.values())]
    lines.append(limits.caller_line if limits.calls_per_caller else "")
    lines.append(costs.stop_day_line if costs.stop_per_day is not None else "")
    return [line for line in lines if line]


def _design_filters() -> None:
    """Have the resampler's tables of the usual lines ready, so that no first call waits for them.

    Prepared lines, and what does not speak as a line does, are at 24 kHz."""
    for rate in _USUAL_RATES:
        line = AudioFormat(Encoding.PCM16, rate)
        converter(PCM_24K, line)
        converter(line, PCM_24K)
        converter(line, PCM_8K)
        converter(line, PCM_16K)
