"""Loads what answers calls: models once per process, and an engine factory for each agent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.loopback import Loopback
from offhook.calls.engines.pipeline import Pipeline, PipelineParts
from offhook.calls.speaker import Phrases
from offhook.calls.tools import default_tools
from offhook.calls.voice_detection import VoiceDetection
from offhook.config import AgentSettings, Settings
from offhook.providers.llm.base import ResponderFactory
from offhook.providers.llm.flow import Facts, Flow, FlowFactory, instructions_for_llm, load_facts, load_flow
from offhook.providers.models import locate
from offhook.providers.vad.base import VadModel

if TYPE_CHECKING:
    from offhook.providers.stt.whisper import WhisperRecognizer
    from offhook.providers.tts.hibari import HibariSynthesizer

__all__ = ["Brains", "load_brains"]


@dataclass
class Brains:
    """Models and engines. `engines` has a factory and `instructions` the instructions for each agent's name."""

    engines: dict[str, EngineFactory] = field(default_factory=dict)
    instructions: dict[str, str] = field(default_factory=dict)
    voice_detection: VoiceDetection | None = None
    phrases: Phrases | None = None
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def close(self) -> None:
        """Stop the workers and close the connections."""
        if self.voice_detection is not None:
            self.voice_detection.shut_down()
        for close in reversed(self.closers):
            await close()


async def load_brains(settings: Settings) -> Brains:
    """Load what the agents of `settings` need, and nothing else. Raises ModelError, ConfigError."""
    brains = Brains()
    agents = settings.agents
    if any(agent.engine == "pipeline" or agent.measure_vad for agent in agents.values()):
        brains.voice_detection = VoiceDetection(await asyncio.to_thread(_load_vad, settings))
    for name, agent in agents.items():
        if agent.engine == "loopback":
            brains.engines[name] = partial(_loopback, wants_vad=agent.measure_vad)
    speaking = {name: agent for name, agent in agents.items() if agent.engine == "pipeline"}
    if speaking:
        await _load_pipelines(settings, speaking, brains)
    return brains


def _loopback(call: CallHandle, *, wants_vad: bool) -> Engine:
    return Loopback(call, wants_vad=wants_vad)


def _load_vad(settings: Settings) -> VadModel:
    from offhook.providers.vad.silero import SileroVad  # noqa: PLC0415 - onnxruntime is in the extra `local`

    return SileroVad(locate("silero", settings) / "silero_vad.onnx")


async def _load_pipelines(settings: Settings, agents: Mapping[str, AgentSettings], brains: Brains) -> None:
    recognizer, synthesizer = await asyncio.gather(
        asyncio.to_thread(_load_stt, settings), asyncio.to_thread(_load_tts, settings)
    )
    brains.closers += [_closing(recognizer.close), _closing(synthesizer.close)]
    phrases = Phrases(synthesizer)
    brains.phrases = phrases
    await phrases.prepare([settings.limits.busy_line], speed=1.0)
    for name, agent in agents.items():
        flow, facts = load_flow(agent.flow), load_facts(agent.facts)
        brains.instructions[name] = agent.instructions or instructions_for_llm(flow, facts)
        responders = _responders(agent, flow, facts, brains)
        parts = PipelineParts(agent, recognizer, phrases, responders, default_tools(facts))
        brains.engines[name] = partial(_pipeline, parts=parts)
        await phrases.prepare(_lines(agent), speed=agent.speed)
    await recognizer.warm_up()


def _pipeline(call: CallHandle, *, parts: PipelineParts) -> Engine:
    return Pipeline(call, parts)


def _lines(agent: AgentSettings) -> list[str]:
    silence = agent.silence
    return [agent.greeting, silence.ask_line, silence.goodbye_line, silence.max_duration_line, agent.trouble_line]


def _load_stt(settings: Settings) -> "WhisperRecognizer":
    from offhook.providers.stt.whisper import WhisperRecognizer  # noqa: PLC0415 - in the extra `local`

    folder = settings.models.stt_dir or locate(settings.models.stt, settings)
    return WhisperRecognizer(folder, name=settings.models.stt)


def _load_tts(settings: Settings) -> "HibariSynthesizer":
    from offhook.providers.tts.hibari import HibariSynthesizer  # noqa: PLC0415 - in the extra `local`

    return HibariSynthesizer()


def _responders(agent: AgentSettings, flow: Flow, facts: Facts, brains: Brains) -> ResponderFactory:
    if agent.responder == "flow" or agent.llm is None:
        return FlowFactory(flow, facts)
    from offhook.providers.llm.openai import ChatCompletions  # noqa: PLC0415 - only agents on an LLM need it

    key = agent.llm.api_key
    chat = ChatCompletions(agent.llm, key.get_secret_value() if key else None)
    brains.closers.append(chat.close)
    return chat


def _closing(close: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def closed() -> None:
        await asyncio.to_thread(close)

    return closed
