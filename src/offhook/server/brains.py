"""Loads what answers calls: models once per process, and an engine factory for each agent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from offhook.audio.melody import Melody
from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.expected import Announced
from offhook.calls.engines.loopback import Loopback
from offhook.calls.speaker import Phrases
from offhook.calls.voice_detection import VoiceDetection
from offhook.config import Settings
from offhook.providers.models import locate
from offhook.providers.standby import OnUsed, not_billed
from offhook.providers.vad.base import VadModel
from offhook.server.hold_music import melodies_of

__all__ = ["Brains", "Expects", "load_brains"]

Expects = Callable[[Announced | None], Awaitable[None]]
"""What is to be done before a call; more where it was announced, so that it will be known when it is there."""


@dataclass
class Brains:
    """Models and engines. `engines` has a factory, `instructions` the instructions, and `expects` what is to be done
    before a call, for each agent's name; `on_used` is told of work for no call. `voices` speak to people who are asked
    to take a call over, `melodies` are the hold music of agents that have their own."""

    settings: Settings = field(default_factory=Settings)
    engines: dict[str, EngineFactory] = field(default_factory=dict)
    instructions: dict[str, str] = field(default_factory=dict)
    expects: dict[str, Expects] = field(default_factory=dict)
    voice_detection: VoiceDetection | None = None
    phrases: Phrases | None = None
    on_used: OnUsed = not_billed
    voices: dict[str, Phrases] = field(default_factory=dict)
    melodies: Mapping[str, Melody] = field(default_factory=dict)
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def expect(self, agent: str, announced: Announced | None = None) -> None:
        """A call for `agent` is coming: have connections to its providers open when it begins to talk."""
        if agent in self.expects:
            task = asyncio.get_running_loop().create_task(_done(self.expects[agent](announced)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop the workers and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.voice_detection is not None:
            self.voice_detection.shut_down()
        for close in reversed(self.closers):
            await close()


async def load_brains(settings: Settings, on_used: OnUsed = not_billed) -> Brains:
    """Load what the agents of `settings` need, and nothing else; `on_used` is told of what their voices speak before
    the first call. Raises ModelError, ConfigError."""
    brains = Brains(settings, on_used=on_used)
    try:
        await _load(settings, brains)
    except BaseException:
        await brains.close()
        raise
    return brains


async def _load(settings: Settings, brains: Brains) -> None:
    agents = settings.answering
    brains.melodies = await asyncio.to_thread(melodies_of, settings)
    if any(agent.uses_voice_detection for agent in agents.values()):
        brains.voice_detection = VoiceDetection(await asyncio.to_thread(_load_vad, settings))
    for name, agent in agents.items():
        if agent.engine == "loopback":
            brains.engines[name] = partial(_loopback, wants_vad=agent.measure_vad)
    speaking = {name: agent for name, agent in agents.items() if agent.engine != "loopback"}
    if speaking:
        # The extra `local` and what stands on it: a server without models does not pay for them.
        from offhook.server.engines import load_engines  # noqa: PLC0415

        await load_engines(settings, speaking, brains)


async def _done(work: Awaitable[None]) -> None:
    await work


def _loopback(call: CallHandle, *, wants_vad: bool) -> Engine:
    return Loopback(call, wants_vad=wants_vad)


def _load_vad(settings: Settings) -> VadModel:
    from offhook.providers.vad.silero import SileroVad  # noqa: PLC0415 - onnxruntime is in the extra `local`

    return SileroVad(locate("silero", settings) / "silero_vad.onnx")
