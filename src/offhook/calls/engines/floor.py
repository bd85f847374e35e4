"""The caller's side of turn-taking in one call: what is heard becomes turns, and turns become replies."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from offhook.calls import turns
from offhook.calls.endings import is_backchannel
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.manner import Manner
from offhook.calls.engines.replies import PipelineParts, Replies
from offhook.calls.engines.stopwatch import Stopwatch
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.engines.usage import reporter
from offhook.calls.kept_audio import KeptAudio
from offhook.calls.spoken_language import SpokenLanguage
from offhook.calls.transcriber import Transcriber
from offhook.errors import ProviderError
from offhook.events import AgentPaused, AgentResumed, CallerSaid, CallerSpeechEnded, CallerSpeechStarted, EndReason
from offhook.providers.stt.base import Transcript, TurnSign

__all__ = ["Floor"]

log = structlog.get_logger(__name__)


class Floor:
    """Lets `Turns` judge voice, words and transcripts, and does what it finds. `on_speech` is told when the caller
    begins to speak, and `on_language` which other language a turn was in that is about to be answered. Nothing counts
    any more once `Replies.deaf` is set. `kept` is what another engine heard."""

    def __init__(
        self,
        call: CallHandle,
        parts: PipelineParts,
        replies: Replies,
        watch: Stopwatch,
        *,
        on_speech: Callable[[], None],
        on_language: Callable[[str], None] = lambda language: None,
        kept: KeptAudio | None = None,
    ):
        agent = parts.agent
        self._call = call
        self._agent = agent
        self._playout = call.playout
        self._replies = replies
        self._watch = watch
        self._on_speech = on_speech
        self._on_language = on_language
        self._parts = parts
        self._spoken = SpokenLanguage(agent.detect_language, tuple(parts.languages))
        self._transcriber = Transcriber(
            parts.ears,
            call.playout.format,
            language=agent.language,
            padding_ms=agent.turns.prefix_padding_ms,
            events=self,
            kept=kept,
            on_used=reporter(call, "stt"),
            among=self._spoken.asked,
        )
        self._turns = turns.Turns(agent.turns, self._only_listening, language=agent.language)
        self._transcribing: asyncio.Task[None] | None = None
        self._paused_at_ms = 0

    def start(self, from_ms: int | None = None) -> None:
        """Begin to listen, before there is anything to hear, or to what was kept since `from_ms`."""
        self._transcriber.start(from_ms)

    @property
    def speaking(self) -> bool:
        """Whether the caller has begun something that has not been judged or ended."""
        return self._turns.speaking

    @property
    def transcribing(self) -> bool:
        """Whether a transcript is waited for."""
        return self._transcribing is not None and not self._transcribing.done()

    def hear(self, frame: bytes) -> None:
        """Pass the frame to the transcriber."""
        self._transcriber.hear(frame, onset_ms=self._turns.onset_ms, voiced_ms=self._turns.voiced_ms)

    def voice(self, probability: float, end_ms: int) -> None:
        """Let the turn-taking decide what the voice means."""
        if self._replies.deaf:
            return
        self._act(self._turns.voice(probability, end_ms, agent_speaking=self._replies.busy))
        if self._turns.in_voice:
            self.stop_transcribing()

    def interrupt(self, onset_ms: int) -> None:
        """The agent yields to what began at `onset_ms`."""
        stopped_ms = self._paused_at_ms if self._playout.paused else self._call.now_ms()
        self._replies.interrupt(onset_ms, stopped_ms)
        if not self._replies.deaf:
            self._replies.ending = None

    def change(self, manner: Manner[PipelineParts]) -> None:
        """Listen to the caller as the agent wants it from now on."""
        if manner.language != self._agent.language:
            self._spoken.settle(manner.language)
        self._agent, self._parts = manner.agent, manner.parts
        self._turns.follow(manner.agent.turns, manner.language)
        self._tune()

    def stop_transcribing(self) -> None:
        """What was asked to be transcribed is out of date."""
        if self._transcribing is not None:
            self._transcribing.cancel()

    async def close(self) -> None:
        """Listen no more."""
        self.stop_transcribing()
        if self._transcribing is not None:
            await asyncio.gather(self._transcribing, return_exceptions=True)
        await self._transcriber.close()

    # What the transcriber tells

    def on_words(self, words: Transcript) -> None:
        """Words may decide what a voice over the agent means."""
        self._heed(lambda: self._turns.words(words))

    def on_turn(self, sign: TurnSign, text: str) -> None:
        """The recogniser has its own idea of the turn."""
        self._heed(lambda: self._turns.sign(sign, text))

    def on_recognizer_trouble(self, error: ProviderError) -> None:
        """Another recogniser goes on."""
        report_trouble(self._call, "transcription", error)

    def _heed(self, evidence: Callable[[], list[turns.Action]]) -> None:
        if self._replies.deaf:
            return
        try:
            self._act(evidence())
        except Exception as error:  # noqa: BLE001 - a fault in one call ends that call, not what brought the evidence
            report_trouble(self._call, "turn", error)
            self._call.end(EndReason.ERROR, str(error))

    # What is to be done

    def _only_listening(self, text: str) -> bool:
        track = self._playout.current
        if track is None or not track.started:
            return False
        return is_backchannel(
            text, self._agent.turns.backchannels, heard=track.heard_text, remaining_ms=track.remaining_ms
        )

    def _act(self, actions: list[turns.Action]) -> None:
        for action in actions:
            self._do(action)

    def _do(self, action: turns.Action) -> None:
        call_id, now = self._call.facts.call_id, self._call.now_ms()
        match action:
            case turns.SpeechStarted(onset_ms):
                self._on_speech()
                self._call.emit(CallerSpeechStarted(call_id, now, onset_ms))
            case turns.HoldAgent():
                self._hold(now)
            case turns.SpeechEnded(end_ms):
                self._call.emit(CallerSpeechEnded(call_id, now, end_ms))
            case turns.Transcribe():
                self.stop_transcribing()
                self._transcribing = asyncio.get_running_loop().create_task(self._transcribe(action))
            case turns.ResumeAgent(because):
                word = self._playout.resume()
                self._call.emit(AgentResumed(call_id, now, because, word))
            case turns.Interrupt(onset_ms):
                self.interrupt(onset_ms)
            case turns.Forget():
                log.debug("sound without words", at_ms=now)
                self._tune()
            case _:
                self._reply_to(action)

    def _reply_to(self, action: turns.ReplyEarly | turns.TakeBack | turns.EndTurn) -> None:
        match action:
            case turns.ReplyEarly(text):
                # To words of another language somebody else will reply.
                if self._transcriber.language == self._agent.language:
                    self._replies.begin_early(text)
            case turns.TakeBack():
                self._replies.take_back()
            case turns.EndTurn():
                self._turn_ended(action)

    def _hold(self, now: int) -> None:
        track = self._playout.current
        self._paused_at_ms = now
        self._playout.pause()
        if track is not None and track.started:
            self._call.emit(AgentPaused(self._call.facts.call_id, now, track.heard_ms))

    async def _transcribe(self, wanted: turns.Transcribe) -> None:
        try:
            transcript = await self._understood(wanted)
        except ProviderError as error:
            report_trouble(self._call, "transcription", error)
            self._heed(lambda: self._turns.failed(wanted.ticket))
            if not self._replies.deaf:
                self._replies.say(self._agent.trouble_line)
            return
        except Exception as error:  # noqa: BLE001 - a task's top
            report_trouble(self._call, "transcription", error)
            self._call.end(EndReason.ERROR, str(error))
            return
        self._watch.transcribed(self._call.now_ms())
        self._heed(lambda: self._turns.transcribed(wanted.ticket, transcript))

    async def _understood(self, wanted: turns.Transcribe) -> Transcript:
        """The words of a stretch of audio, in the language that it is clearly in. Raises ProviderError."""
        heard = await self._transcriber.transcribe(wanted.onset_ms, wanted.end_ms)
        language = self._spoken.judge(heard, wanted.end_ms - wanted.onset_ms)
        if language and language != self._transcriber.language:
            self._transcriber.tune(self._parts.languages[language].ears, language, self._spoken.asked)
            again = await self._transcriber.transcribe(wanted.onset_ms, wanted.end_ms)
            heard = again if again.text else heard
        # Where it is not clear, the words are what they were taken for before.
        return replace(heard, language=self._transcriber.language)

    def _tune(self) -> None:
        self._transcriber.tune(self._parts.ears, self._agent.language, self._spoken.asked)

    def _heed_language(self, end: turns.EndTurn) -> None:
        if not self._spoken.asked:
            return
        said = end.transcript
        self._spoken.settle(self._spoken.judge(said, end.end_ms - end.onset_ms))
        if said.language and said.language != self._agent.language:
            self._on_language(said.language)
        self._tune()

    def _turn_ended(self, end: turns.EndTurn) -> None:
        self._heed_language(end)
        call_id, now = self._call.facts.call_id, self._call.now_ms()
        said = end.transcript
        self._replies.ending = None
        self._call.emit(CallerSaid(call_id, now, said.text, end.onset_ms, end.end_ms, said.confidence))
        self._replies.conversation.caller_said(said.text)
        self._watch.turn_ended(end.end_ms, now)
        self._replies.answer()
