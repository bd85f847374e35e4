"""Transcribes what agents say, in a thread of lower priority, so that the agent under test keeps its processor."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

from offhook.providers.stt.base import Recognizer
from offhook.simulator.sound import Pcm, as_float, resampled

__all__ = ["Listener"]

RATE = 16_000
NICENESS = 10
T = TypeVar("T")


class Listener:
    """A recogniser in a thread of its own, one utterance after the other.

    `make` runs in that thread: threads that a model starts inherit its priority.
    """

    def __init__(self, make: Callable[[], Recognizer]):
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._recognizer: Recognizer | None = None
        self._turn = asyncio.Lock()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    async def __aenter__(self) -> "Listener":
        self._thread.start()
        await self._in_thread(self._load())
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._stop)

    async def transcribe(self, sound: Pcm, rate: int) -> str:
        """Text of agent audio. Raises ProviderError."""
        return await self._in_thread(self._transcribe(sound, rate))

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        self._loop.run_forever()
        self._loop.close()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _in_thread(self, work: Coroutine[None, None, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _load(self) -> None:
        self._recognizer = self._make()

    async def _transcribe(self, sound: Pcm, rate: int) -> str:
        assert self._recognizer is not None  # noqa: S101 - entered before it is used
        async with self._turn:
            heard = await self._recognizer.transcribe(resampled(as_float(sound), RATE / rate))
        return heard.text
