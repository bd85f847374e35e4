"""Text in, the agent's voice out: a clause at a time, while the text is still being written."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing

from offhook.audio.convert import converter
from offhook.audio.formats import PCM_24K, AudioFormat
from offhook.calls.clauses import Clause, ClauseSplitter
from offhook.calls.playout import Playout
from offhook.calls.spoken import Spoken, spoken
from offhook.calls.track import Track
from offhook.errors import ProviderError
from offhook.providers.standby import OnTrouble, OnUsed, in_time, no_trouble, not_billed
from offhook.providers.tts.base import SpeechChunk, WordTime
from offhook.providers.tts.failover import FailoverSynthesizer
from offhook.providers.tts.metering import SpeechMeter

__all__ = ["Phrases", "Speaker"]

_ENOUGH_QUEUED_MS = 8_000
_CACHED_PHRASES = 256
_LONGEST_S = 10.0
_Line = tuple[str, float]


class Phrases:
    """Speech of lines that are said often, synthesised once for all calls, whatever their legs speak.

    Only the first voice prepares lines: a caller must not hear another one because the first was away at the start.
    `on_used` is told what that took, which belongs to no call.
    """

    def __init__(self, synthesizer: FailoverSynthesizer, on_used: OnUsed = not_billed):
        self.synthesizer = synthesizer
        self._on_used = on_used
        self._ready: dict[_Line, tuple[SpeechChunk, ...]] = {}
        self._missing: dict[_Line, None] = {}
        self._preparing: asyncio.Task[None] | None = None

    async def prepare(self, lines: Iterable[str], *, speed: float) -> None:
        """Synthesise `lines`, clause by clause, as a speaker will ask for them. What the first voice cannot speak now
        is prepared later, when it is well again, and is synthesised by whoever can until then."""
        for line in lines:
            splitter = ClauseSplitter()
            for clause in [*splitter.feed(line), *splitter.flush()]:
                wanted = (spoken(clause.text).text, speed)
                if wanted not in self._ready and len(self._ready) + len(self._missing) < _CACHED_PHRASES:
                    self._missing[wanted] = None
        await self._prepare_missing()

    async def speech(
        self,
        text: str,
        *,
        format: AudioFormat,  # noqa: A002
        speed: float,
        on_trouble: OnTrouble = no_trouble,
        on_used: OnUsed = not_billed,
    ) -> AsyncGenerator[SpeechChunk]:
        """Speech of `text`: at once if it was prepared, else as it is synthesised, in `format` if the voice can."""
        ready = self._ready.get((text, speed))
        if ready is not None:
            for chunk in ready:
                yield chunk
            return
        if (text, speed) in self._missing and (self._preparing is None or self._preparing.done()):
            self._preparing = asyncio.get_running_loop().create_task(self._prepare_missing())
        speech = self.synthesizer.synthesize(text, format=format, speed=speed, on_trouble=on_trouble, on_used=on_used)
        async with aclosing(speech):
            async for chunk in speech:
                yield chunk

    async def _prepare_missing(self) -> None:
        first = self.synthesizer.standby.first
        for text, speed in list(self._missing):
            if not first.healthy:
                return
            speech = in_time(first.provider.synthesize(text, format=PCM_24K, speed=speed), _LONGEST_S, first.name)
            try:
                chunks = tuple([chunk async for chunk in speech])
            except ProviderError as error:
                first.failed(error)
            else:
                self._ready[text, speed] = chunks
                self._missing.pop((text, speed), None)
                self._count(text, chunks)

    def _count(self, text: str, chunks: Iterable[SpeechChunk]) -> None:
        meter = SpeechMeter(text)
        for chunk in chunks:
            meter.came(chunk)
        if usage := meter.usage:
            self._on_used(self.synthesizer.standby.first, usage)


class Speaker:
    """Speaks into the playout of one call."""

    def __init__(
        self,
        phrases: Phrases,
        playout: Playout,
        *,
        speed: float,
        on_trouble: OnTrouble = no_trouble,
        on_used: OnUsed = not_billed,
    ):
        self._phrases = phrases
        self._playout = playout
        self._speed = speed
        self._on_trouble = on_trouble
        self._on_used = on_used

    async def speak(self, text: AsyncIterator[str], track: Track) -> None:
        """Speak `text` into `track` and finish it; returns when all of its sound is queued. Raises ProviderError."""
        splitter = ClauseSplitter()
        try:
            async for delta in text:
                for clause in splitter.feed(delta):
                    await self._clause(clause, track)
            for clause in splitter.flush():
                await self._clause(clause, track)
        finally:
            track.finish()

    async def say(self, line: str, track: Track) -> None:
        """Speak one `line` that is known whole. Raises ProviderError."""
        await self.speak(_once(line), track)

    async def _clause(self, clause: Clause, track: Track) -> None:
        while self._playout.queued_ms > _ENOUGH_QUEUED_MS:  # noqa: ASYNC110 - ten looks a second, in long replies only
            await asyncio.sleep(0.1)
        speech = spoken(clause.text)
        begin_ms, begin_char = track.length_ms, len(track.text)
        track.text += clause.text
        fitting = _Fitting(track.format)
        sound = self._phrases.speech(
            speech.text, format=track.format, speed=self._speed, on_trouble=self._on_trouble, on_used=self._on_used
        )
        async with aclosing(sound):
            async for chunk in sound:
                track.append(fitting.fit(chunk), _written_words(chunk.words, speech, begin_ms, begin_char))
        track.append(fitting.end())
        track.end_clause()


class _Fitting:
    """One clause of speech, in whatever formats it comes, made into the format of the leg."""

    def __init__(self, target: AudioFormat):
        self._target = target
        self._rest = b""
        self._turn_to(target)

    def fit(self, chunk: SpeechChunk) -> bytes:
        """What can be converted by now. The resampler takes whole frames; nothing else has to wait for any."""
        before = b""
        if chunk.format != self._source:
            before = self.end()
            self._turn_to(chunk.format)
        audio = self._rest + chunk.audio
        whole = len(audio) - len(audio) % self._unit
        self._rest = audio[whole:]
        return before + self._convert(audio[:whole])

    def end(self) -> bytes:
        """What waits for the rest of its frame, filled up with silence."""
        rest, self._rest = self._rest, b""
        return self._convert(rest + self._source.silence[len(rest) : self._unit]) if rest else b""

    def _turn_to(self, source: AudioFormat) -> None:
        self._source = source
        self._convert = converter(source, self._target)
        self._unit = source.sample_bytes if source.rate == self._target.rate else source.frame_bytes


def _written_words(
    words: tuple[WordTime, ...], speech: Spoken, begin_ms: float, begin_char: int
) -> tuple[WordTime, ...]:
    """Times of spoken words as times of the written words they stand for, within the track."""
    written: list[WordTime] = []
    for word in words:
        start, end = speech.written_at(word.start), speech.written_at(word.end)
        start_ms, end_ms = word.start_ms + begin_ms, word.end_ms + begin_ms
        if written and written[-1].start == start + begin_char:
            start_ms = written.pop().start_ms
        written.append(WordTime(start + begin_char, end + begin_char, start_ms, end_ms))
    return tuple(written)


async def _once(line: str) -> AsyncIterator[str]:
    yield line
