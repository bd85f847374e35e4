"""Loads the models of the agents that talk, and prepares the lines that they say often."""

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
from offhook.errors import ConfigError
from offhook.providers.llm.base import ResponderFactory
from offhook.providers.llm.flow import Facts, Flow, FlowFactory, instructions_for_llm, load_facts, load_flow
from offhook.providers.models import locate
from offhook.server.brains import Brains
from offhook.server.local_time import local_clock

try:
    from offhook.providers.stt.whisper import WhisperRecognizer
    from offhook.providers.tts.hibari import HibariSynthesizer
except ImportError as error:
    raise ConfigError(
        f"the local models need the package {error.name}, which is not installed",
        hint="Install them with `pip install 'offhook[local]'`.",
    ) from error

__all__ = ["load_pipelines"]

_USUAL_RATES = (8_000, 16_000, 24_000, 48_000)


async def load_pipelines(settings: Settings, agents: Mapping[str, AgentSettings], brains: Brains) -> None:
    """Add to `brains` the engines of `agents`, which share the models. Raises ModelError, ConfigError."""
    recognizer, synthesizer = await asyncio.gather(
        asyncio.to_thread(_load_stt, settings), asyncio.to_thread(HibariSynthesizer)
    )
    brains.closers += [_closing(recognizer.close), synthesizer.close]
    phrases = Phrases(synthesizer)
    brains.phrases = phrases
    await phrases.prepare([settings.limits.busy_line], speed=1.0)
    for name, configured in agents.items():
        flow, facts = load_flow(configured.flow), load_facts(configured.facts)
        agent = _named(configured, facts)
        brains.instructions[name] = agent.instructions or instructions_for_llm(flow, facts)
        parts = PipelineParts(
            agent, recognizer, phrases, _responders(agent, flow, facts, brains), default_tools(facts, agent.transfers)
        )
        brains.engines[name] = partial(_pipeline, parts=parts)
        await phrases.prepare(_lines(agent), speed=agent.speed)
    await asyncio.gather(recognizer.warm_up(), asyncio.to_thread(_design_filters))


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


def _named(agent: AgentSettings, facts: Facts) -> AgentSettings:
    """The agent with the name of its business in its greeting."""
    return agent.model_copy(update={"greeting": agent.greeting.replace("{business}", facts.business.name)})


def _lines(agent: AgentSettings) -> list[str]:
    silence = agent.silence
    lines = [agent.greeting, silence.ask_line, silence.goodbye_line, silence.max_duration_line, agent.trouble_line]
    return [*lines, agent.machine_message] if agent.machine == "leave_message" else lines


def _load_stt(settings: Settings) -> WhisperRecognizer:
    folder = settings.models.stt_dir or locate(settings.models.stt, settings)
    return WhisperRecognizer(folder, name=settings.models.stt)


def _responders(agent: AgentSettings, flow: Flow, facts: Facts, brains: Brains) -> ResponderFactory:
    llm = brains.settings.llm_settings(agent.llm[0])
    if llm.kind == "flow":
        return FlowFactory(flow, facts, local_clock(agent))
    from offhook.providers.llm.openai import ChatCompletions  # noqa: PLC0415 - only agents on a language model need it

    key = llm.api_key
    chat = ChatCompletions(llm, key.get_secret_value() if key else None)
    brains.closers.append(chat.close)
    return chat


def _closing(close: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def closed() -> None:
        await asyncio.to_thread(close)

    return closed
