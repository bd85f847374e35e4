"""Several voices as one: when one refuses, stalls or dies, the next one speaks the rest of the clause."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from offhook.audio.formats import AudioFormat
from offhook.errors import ProviderError
from offhook.providers.standby import OnTrouble, OnUsed, Standby, in_time, no_trouble, not_billed
from offhook.providers.tts.base import SpeechChunk, Synthesizer, WordTime
from offhook.providers.tts.metering import SpeechMeter

__all__ = ["FailoverSynthesizer"]

_WORD = re.compile(r"\w\S*")
_MS_A_CHARACTER = 65.0


class FailoverSynthesizer:
    """Speaks with the best voice that is well."""

    def __init__(self, standby: Standby[Synthesizer]):
        self.standby = standby
        self.name = standby.name

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat,  # noqa: A002
        speed: float = 1.0,
        on_trouble: OnTrouble = no_trouble,
        on_used: OnUsed = not_billed,
    ) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, and tell `on_trouble` of every voice that was replaced, `on_used` of every one's work.

        The next voice begins with the first word that was not delivered to its end; words and times count from the
        beginning of `text` and of the first sound all the same. Raises ProviderError of the last one."""
        delivery = _Delivery(text)
        failure: ProviderError | None = None
        for watched, limit_s in self.standby.asked():
            if failure is not None:
                on_trouble(failure)
            if delivery.over:
                return
            meter = SpeechMeter(delivery.rest)
            chunks = watched.provider.synthesize(delivery.rest, format=format, speed=speed)
            try:
                async with aclosing(in_time(chunks, limit_s, watched.name)) as given:
                    async for chunk in given:
                        meter.came(chunk)
                        yield delivery.take(chunk)
            except ProviderError as error:
                watched.failed(error)
                failure = error
                meter.failed(error)
                delivery.broke_off(speed)
            else:
                watched.worked()
                return
            finally:
                if usage := meter.usage:
                    on_used(watched, usage)
        if failure is not None and not delivery.over:
            raise failure


class _Delivery:
    """How much of a text was delivered, by one voice after the other."""

    def __init__(self, text: str):
        self._text = text
        self._begin = 0
        self._begin_ms = 0.0
        self._length_ms = 0.0
        self._words: list[WordTime] = []

    @property
    def rest(self) -> str:
        """What is still to be said."""
        return self._text[self._begin :]

    @property
    def over(self) -> bool:
        """Whether something was said and no word is left."""
        return self._begin > 0 and _WORD.search(self.rest) is None

    def take(self, chunk: SpeechChunk) -> SpeechChunk:
        """A chunk of the rest as a chunk of the whole."""
        words = tuple(
            WordTime(
                word.start + self._begin,
                word.end + self._begin,
                word.start_ms + self._begin_ms,
                word.end_ms + self._begin_ms,
            )
            for word in chunk.words
        )
        self._words += words
        self._length_ms += chunk.format.ms_in(len(chunk.audio))
        return replace(chunk, words=words)

    def broke_off(self, speed: float) -> None:
        """The voice died: the rest begins behind the last word that was delivered to its end."""
        said = [word for word in self._words if word.end_ms <= self._length_ms + 1]
        if said:
            self._begin = max(self._begin, said[-1].end)
        elif self._length_ms > self._begin_ms:
            self._begin = self._guessed(speed)
        self._begin_ms = self._length_ms

    def _guessed(self, speed: float) -> int:
        """Where a voice that told no words may have been, by the usual length of a character."""
        reached = self._begin + int((self._length_ms - self._begin_ms) * speed / _MS_A_CHARACTER)
        words = [word for word in _WORD.finditer(self._text, self._begin) if word.end() <= reached]
        return words[-1].end() if words else self._begin
