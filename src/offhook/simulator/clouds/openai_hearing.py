"""What a spoken session of the double of OpenAI's Realtime API hears: audio, turns and words."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

from offhook.simulator.clouds.ears import Ear, EarFactory, TunedEar
from offhook.simulator.clouds.lines import Framer
from offhook.simulator.clouds.openai_entries import Entries, Entry
from offhook.simulator.clouds.openai_responding import Emit
from offhook.simulator.clouds.openai_session import Wrong
from offhook.simulator.clouds.openai_speaking_settings import SpeakingSettings
from offhook.simulator.clouds.openai_turns import TurnDetector

__all__ = ["Heard", "Hearing"]

_LEAST_MS = 100
_TRANSCRIPTION = "conversation.item.input_audio_transcription"

Heard = Literal["started", "stopped", "idle"]


class Hearing:
    """Hears with an ear of `ears`; what was committed goes into `entries`, and its words out by `emit`."""

    def __init__(self, ears: EarFactory, entries: Entries, settings: SpeakingSettings, emit: Emit) -> None:
        self.turns = TurnDetector(settings.input["turn_detection"])
        self._ears = ears
        self._entries = entries
        self._settings = settings
        self._emit = emit
        self._ear: Ear | None = None
        self._framer: Framer | None = None
        self._since_ms = 0
        self._writing: set[asyncio.Task[None]] = set()
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def began(self) -> bool:
        """Whether there was any audio."""
        return self._ear is not None

    def asked(self, name: str) -> bool:
        """Whether turn detection is to do what the setting `name` says."""
        return bool((self.turns.settings or {}).get(name, True))

    async def hear(self, audio: bytes) -> AsyncIterator[Heard]:
        """What happens in this audio; the detector's clock stands where it happened."""
        ear, framer = self._prepared()
        for frame in framer.cut(audio):
            ear.hear(frame)
            happened = self.turns.hear(ear.voiced)
            if happened == "maybe stopped":
                happened = "stopped" if await self._finished_sentence(ear) else None
            if happened == "started":
                self._since_ms = max(self._since_ms, self.turns.start_ms)
            if happened:
                yield happened

    def clear(self) -> None:
        """Forget what was not committed."""
        self._since_ms = self.turns.now_ms

    def check_commit(self) -> None:
        """See that there is enough to commit. Raises Wrong."""
        if self.turns.now_ms - self._since_ms < _LEAST_MS:
            text = "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio."
            raise Wrong(text, "input_audio_buffer_commit_empty")

    def commit(self, item_id: str) -> Iterator[dict[str, Any]]:
        """Make an item of what was heard."""
        start_ms, end_ms = self._since_ms, self.turns.now_ms
        self._since_ms = end_ms
        fixed = {"object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
        item = {"id": item_id, **fixed, "content": [{"type": "input_audio", "transcript": None}]}
        entry = Entry(item, audio_ms=end_ms - start_ms)
        before = {"previous_item_id": self._entries.add(entry)}
        writing = _started(self._write(entry, start_ms, end_ms), self._writing)
        _started(self._tell(entry, writing), self._telling)
        yield {"type": "input_audio_buffer.committed", "item_id": item_id, **before}
        yield {"type": "conversation.item.added", "item": dict(item), **before}
        yield {"type": "conversation.item.done", "item": dict(item), **before}

    async def written(self) -> None:
        """Wait until all that was committed has its words."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def close(self) -> None:
        """Stop at once."""
        tasks = self._writing | self._telling
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _prepared(self) -> tuple[Ear, Framer]:
        if self._ear is None or self._framer is None:
            language = (self._settings.input["transcription"] or {}).get("language") or "en"
            self._ear = self._ears(self._settings.input_format, language)
            self._framer = Framer(self._settings.input_format)
        if isinstance(self._ear, TunedEar):
            self._ear.threshold = (self.turns.settings or {}).get("threshold", 0.5)
        return self._ear, self._framer

    async def _finished_sentence(self, ear: Ear) -> bool:
        words = await ear.words(self.turns.start_ms, self.turns.now_ms, final=False)
        return bool(words) and words[-1].text.endswith((".", "!", "?"))

    async def _write(self, entry: Entry, start_ms: int, end_ms: int) -> None:
        words = await self._ear.words(start_ms, end_ms, final=True) if self._ear else []
        entry.text = " ".join(word.text for word in words)

    async def _tell(self, entry: Entry, writing: asyncio.Task[None]) -> None:
        """Tell the words of an item, if the client wants them; the answer does not wait for that."""
        await writing
        if self._settings.input["transcription"] is None:
            return
        about = {"item_id": entry.id, "content_index": 0}
        for index, word in enumerate(entry.text.split()):
            delta = f" {word}" if index else word
            await self._emit({"type": f"{_TRANSCRIPTION}.delta", **about, "delta": delta})
        entry.item["content"] = [{"type": "input_audio", "transcript": entry.text}]
        usage = {"type": "duration", "seconds": entry.audio_ms / 1000}
        await self._emit({"type": f"{_TRANSCRIPTION}.completed", **about, "transcript": entry.text, "usage": usage})


def _started(work: Any, tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    task: asyncio.Task[None] = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
