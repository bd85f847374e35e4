"""The voice of a session of the double of OpenAI's Live API: a stream as long as what it hears, mostly silence."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.spoken import spoken

__all__ = ["PIECE_MS", "LiveVoice"]

PIECE_MS = 100
"""How much sound leaves at once."""


@dataclass(slots=True)
class _Piece:
    audio: bytearray
    text: str
    noted: bool
    last: bool = False


class LiveVoice:
    """Says lines one after the other; `said` is told the words of each that were heard."""

    def __init__(self, voice: Synthesizer, format: AudioFormat, said: Callable[[str], None]) -> None:  # noqa: A002
        self._voice = voice
        self._format = format
        self._said = said
        self._silence = format.silence * (PIECE_MS // FRAME_MS)
        self._pieces: deque[_Piece] = deque()
        self._words = ""
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def speaking(self) -> bool:
        """Whether there is something to say."""
        return bool(self._pieces or self._tasks)

    def say(self, text: str, *, noted: bool = False) -> None:
        """Say `text` behind what is being said; `noted` if it is known that it was said."""
        if text.strip():
            task = asyncio.create_task(self._speak(text, noted, self._tasks[-1] if self._tasks else None))
            self._tasks.append(task)
            task.add_done_callback(self._tasks.remove)

    def next(self) -> tuple[bytes, str]:
        """The next 100 ms, and the words that begin in it."""
        audio, words = bytearray(), ""
        while len(audio) < len(self._silence) and self._pieces:
            piece = self._pieces[0]
            words += piece.text
            self._words += "" if piece.noted else piece.text
            piece.text = ""
            taken = len(self._silence) - len(audio)
            audio += piece.audio[:taken]
            del piece.audio[:taken]
            if not piece.audio:
                self._pieces.popleft()
                if piece.last:
                    self._over()
        return bytes(audio) + self._silence[len(audio) :], words

    async def hush(self) -> None:
        """Fall silent at once."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        self._pieces.clear()
        self._over()

    def _over(self) -> None:
        words, self._words = self._words.strip(), ""
        if words:
            self._said(words)

    async def _speak(self, text: str, noted: bool, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait([before])
        told = 0
        async with aclosing(spoken(self._voice, text, self._format)) as made:
            async for chunk, audio in made:
                upto = max((word.end for word in chunk.words), default=told) if chunk else told
                if audio:
                    self._pieces.append(_Piece(bytearray(audio), text[told:upto], noted))
                    told = upto
        if self._pieces:
            self._pieces[-1].last = True
