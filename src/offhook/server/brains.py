"""Loads what answers calls: models once per process, and an engine factory for each agent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.loopback import Loopback
from offhook.calls.speaker import Phrases
from offhook.calls.voice_detection import VoiceDetection
from offhook.config import AgentSettings, Settings
from offhook.providers.llm.base import ResponderFactory

__all__ = ["Brains", "load_brains"]

log = structlog.get_logger(__name__)


@dataclass
class Brains:
    """Models and engines. `engines` has a factory for each agent's name."""

    engines: dict[str, EngineFactory] = field(default_factory=dict)
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


def _load_vad(settings: Settings):  # type: ignore[no-untyped-def]
    raise NotImplementedError
