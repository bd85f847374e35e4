"""Audio in, text out, for one call: with the best recogniser that is well, and without losing a word when it fails."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import structlog

from offhook.audio.formats import AudioFormat
from offhook.calls.kept_audio import KeptAudio
from offhook.calls.listening import Along, Ears, Listening, OnDemand
from offhook.errors import ProviderError
from offhook.providers.standby import OnUsed, Standby, Watched, not_billed
from offhook.providers.stt.base import StreamingRecognizer, Transcript, TurnSign

__all__ = ["Transcriber", "TranscriberEvents"]

log = structlog.get_logger(__name__)

_LONGEST_S = 10.0
_T = TypeVar("_T")


class TranscriberEvents(Protocol):
    """What a transcriber tells. Called on the event loop; none of these blocks or raises."""

    def on_words(self, words: Transcript) -> None:
        """The words of the current utterance so far; later ones may still change."""
        ...

    def on_turn(self, sign: TurnSign, text: str) -> None:
        """The recogniser's own judgement of the turn."""
        ...

    def on_recognizer_trouble(self, error: ProviderError) -> None:
        """A recogniser failed, and another one goes on where there is one."""
        ...


class Transcriber:
    """The ears of one call. Times are ms of the caller's audio.

    A recogniser that listens along gets every frame from `start` on. Whoever takes over from one that died gets the
    audio of the current utterance first. One that gives no words while the caller speaks is doubted: the next one is
    set to work beside it, and the transcripts of both decide whether it was deaf or whether there was nothing to hear.
    A better one that is well again takes over between two utterances. `kept` has what another one heard of the call.
    `on_used` is told what each was sent, whatever became of it. `language` is what is expected to be heard; `among` are
    the languages of which any may be.
    """

    def __init__(
        self,
        standby: Standby[Ears],
        format: AudioFormat,  # noqa: A002
        *,
        language: str,
        padding_ms: int,
        events: TranscriberEvents,
        kept: KeptAudio | None = None,
        on_used: OnUsed = not_billed,
        among: tuple[str, ...] = (),
    ):
        self._standby = standby
        self.language = language
        self._among = among
        self._out_of_tune = False
        self._events = events
        self._on_used = on_used
        self._kept = kept or KeptAudio(format, padding_ms=padding_ms)
        self._listening: Listening | None = None
        self._doubted: Along | None = None
        self._onset_ms: int | None = None
        self._voiced_ms = 0
        self._voiced_at_word_ms = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._farewells: set[asyncio.Task[None]] = set()

    def start(self, from_ms: int | None = None) -> None:
        """Begin to listen, before there is anything to hear, or to what was kept since `from_ms`."""
        self._listening = self._open(self._standby.best, from_ms)

    def tune(self, standby: Standby[Ears], language: str, among: tuple[str, ...] = ()) -> None:
        """Expect another language from now on, with other recognisers where it has its own.

        An utterance in progress is heard again as a whole, unless whoever listens knows it as any of several."""
        if (standby.watched, language, among) == (self._standby.watched, self.language, self._among):
            return
        self._standby, self.language, self._among = standby, language, among
        listening = self._listening
        self._out_of_tune = self._onset_ms is not None and isinstance(listening, Along) and bool(listening.among)
        if listening is not None and not self._out_of_tune:
            self._replace(self._onset_ms)

    def hear(self, frame: bytes, *, onset_ms: int | None = None, voiced_ms: int = 0) -> None:
        """Take one 20 ms frame. `onset_ms` is where the current utterance began, and `voiced_ms` how long its voice
        sounded; None and 0 between utterances."""
        begins = onset_ms is not None and self._onset_ms is None
        self._onset_ms = onset_ms
        self._kept.hear(frame, keep_from_ms=onset_ms)
        if self._listening is None and begins:
            # Nobody was well: the last one is asked anew, once an utterance. It also gets this frame.
            self._listening = self._open(self._standby.best, onset_ms)
        else:
            for listening in (self._listening, self._doubted):
                if listening is not None:
                    listening.hear(frame)
        if onset_ms is None:
            if self._out_of_tune:
                self._replace(None)
            self._prefer()
        self._watch_words(voiced_ms)

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        """What was said from `onset_ms` to `end_ms`. Raises ProviderError when nobody can tell."""
        doubted = self._doubted
        if doubted is None:
            return await self._transcribed(onset_ms, end_ms)
        return await self._transcribed_twice(doubted, onset_ms, end_ms)

    async def close(self) -> None:
        """Listen no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listening in (self._listening, self._doubted):
            if listening is not None:
                self._give_up(listening)
        self._listening = self._doubted = None
        # Not cancelled: a farewell cut short would leave its connection behind.
        await asyncio.gather(*self._farewells, return_exceptions=True)

    # What the streams tell

    def heard_words(self, along: Along, words: Transcript) -> None:
        """A stream heard words, so that it is not deaf."""
        self._believe(along)
        if along is self._listening and words.text.strip():
            self._voiced_at_word_ms = self._voiced_ms
            self._events.on_words(words)

    def judged_turn(self, along: Along, sign: TurnSign, text: str) -> None:
        """A stream judged a pause."""
        self._believe(along)
        if along is self._listening:
            self._events.on_turn(sign, text)

    def stream_failed(self, along: Along, error: ProviderError) -> None:
        """A stream is dead: the next one gets the current utterance and goes on."""
        if self._lose(along, error):
            self._events.on_recognizer_trouble(error)
            if self._listening is None and self._standby.best is not along.watched:
                self._listening = self._open(self._standby.best, self._onset_ms)

    # Who listens

    def _open(self, watched: Watched[Ears], from_ms: int | None) -> Listening:
        provider = watched.provider
        if isinstance(provider, StreamingRecognizer):
            return Along(
                watched,
                provider,
                self._kept,
                self.language,
                from_ms=from_ms,
                listener=self,
                on_used=self._on_used,
                among=self._among,
            )
        return OnDemand(watched, provider, self._kept, self.language, self._on_used, among=self._among)

    def _replace(self, from_ms: int | None) -> None:
        """Have those who expect what is expected now listen from `from_ms` on."""
        for listening in (self._listening, self._doubted):
            if listening is not None:
                self._give_up(listening)
        self._doubted, self._out_of_tune = None, False
        self._listening = self._open(self._standby.best, from_ms)

    def _prefer(self) -> None:
        """Between utterances a better one that is well again takes over."""
        best, now = self._standby.best, self._listening
        if not best.healthy or (now is not None and not self._standby.is_better(best, now.watched)):
            return
        if now is not None:
            self._give_up(now)
        self._listening = self._open(best, None)

    def _lose(self, listening: Listening, error: ProviderError) -> bool:
        """Take leave of one that failed; false if that was done before."""
        if listening is self._doubted:
            self._doubted = None
        elif listening is self._listening:
            self._listening = None
        else:
            return False
        listening.watched.failed(error)
        self._give_up(listening)
        return True

    def _give_up(self, listening: Listening) -> None:
        farewell = asyncio.get_running_loop().create_task(listening.close())
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)

    # Doubt

    def _watch_words(self, voiced_ms: int) -> None:
        if voiced_ms < self._voiced_ms:
            self._voiced_at_word_ms = 0
        self._voiced_ms = voiced_ms
        listening = self._listening
        if self._doubted is not None or not isinstance(listening, Along):
            return
        if listening.words_within_s is None:
            return
        deaf_s = (voiced_ms - self._voiced_at_word_ms) / 1000
        other = self._standby.after(listening.watched)
        if other is not None and deaf_s > listening.words_within_s:
            log.info("a recogniser gives no words, another one listens too", provider=listening.watched.name)
            self._doubted, self._listening = listening, self._open(other, self._onset_ms)

    def _believe(self, listening: Listening) -> None:
        """The doubted one gave a sign: it goes on, and the other one is not needed."""
        if listening is self._doubted:
            if self._listening is not None:
                self._give_up(self._listening)
            self._listening, self._doubted = self._doubted, None

    # Transcripts

    async def _transcribed(self, onset_ms: int, end_ms: int) -> Transcript:
        failure: ProviderError | None = None
        at_work = self._listening.watched if self._listening is not None else None
        for watched, limit_s in self._standby.asked(at_work):
            listening = self._at(watched, onset_ms)
            try:
                transcript = await _answer(listening, onset_ms, end_ms, limit_s or _LONGEST_S)
            except ProviderError as error:
                failure = error
                if self._lose(listening, error) and limit_s is not None:
                    self._events.on_recognizer_trouble(error)
                continue
            if transcript.text:
                watched.worked()
            return transcript
        raise failure or ProviderError("there is no recogniser", provider=self._standby.name)

    def _at(self, watched: Watched[Ears], onset_ms: int) -> Listening:
        if self._listening is None or self._listening.watched is not watched:
            if self._listening is not None:
                self._give_up(self._listening)
            self._listening = self._open(watched, onset_ms)
        return self._listening

    async def _transcribed_twice(self, doubted: Along, onset_ms: int, end_ms: int) -> Transcript:
        """Ask the doubted one and its stand-in; the first words count."""
        own = self._spawn(_answer(doubted, onset_ms, end_ms, doubted.watched.stall_s))
        others = self._spawn(self._transcribed(onset_ms, end_ms))
        self._spawn(self._judge(doubted, own, others))
        try:
            for answer in asyncio.as_completed((own, others)):
                with suppress(ProviderError):
                    transcript = await answer
                    if transcript.text:
                        if own.done():
                            others.cancel()
                        return transcript
            return await others
        except asyncio.CancelledError:
            own.cancel()
            others.cancel()
            raise

    async def _judge(self, doubted: Along, own: "asyncio.Task[Transcript]", others: "asyncio.Task[Transcript]") -> None:
        """It is deaf if it heard nothing where its stand-in heard words; otherwise there was nothing to hear."""
        heard, instead = await asyncio.gather(own, others, return_exceptions=True)
        if isinstance(heard, asyncio.CancelledError):
            return
        if isinstance(heard, Transcript):
            there_were_words = isinstance(instead, Transcript) and bool(instead.text)
            if heard.text or not there_were_words:
                doubted.watched.worked()
                self._believe(doubted)
                return
            heard = ProviderError("heard no words in speech", provider=doubted.watched.name, retryable=True)
        if isinstance(heard, ProviderError) and self._lose(doubted, heard):
            self._events.on_recognizer_trouble(heard)

    def _spawn(self, work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Whoever waits for it gets its failure; it must not be reported a second time.
            task.exception()


async def _answer(listening: Listening, onset_ms: int, end_ms: int, limit_s: float) -> Transcript:
    try:
        async with asyncio.timeout(limit_s):
            return await listening.transcribe(onset_ms, end_ms)
    except TimeoutError as error:
        name = listening.watched.name
        raise ProviderError(f"no transcript within {limit_s:g} s", provider=name, retryable=True) from error
