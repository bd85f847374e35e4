"""The pipeline engine: transcriber, responder and speaker, taking turns with the caller."""

import asyncio
from collections.abc import Callable

import structlog

from offhook.calls import turns
from offhook.calls.conversation import Conversation
from offhook.calls.endings import is_backchannel
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.last_silence import LastSilence
from offhook.calls.engines.replies import PipelineParts, Replies, report_trouble
from offhook.calls.engines.so_far import SoFar
from offhook.calls.engines.utterances import Utterances
from offhook.calls.keypad import Keypad
from offhook.calls.patience import Patience
from offhook.calls.placeholders import fill
from offhook.calls.track import Track
from offhook.calls.transcriber import Transcriber
from offhook.errors import ProviderError
from offhook.events import (
    AgentPaused,
    AgentResumed,
    CallerSaid,
    CallerSpeechEnded,
    CallerSpeechStarted,
    EndReason,
)
from offhook.providers.stt.base import TurnSign

__all__ = ["Pipeline", "PipelineParts"]

log = structlog.get_logger(__name__)


class Pipeline:
    """Answers one call with speech recognition, a responder and speech synthesis: the caller's side of it.

    With `so_far` it goes on with a call that another engine began."""

    wants_vad = True

    def __init__(self, call: CallHandle, parts: PipelineParts, so_far: SoFar | None = None):
        agent = parts.agent
        self._call = call
        self._so_far = so_far
        self._agent = agent
        self._playout = call.playout
        self._transcriber = Transcriber(
            parts.ears,
            call.playout.format,
            language=agent.language,
            padding_ms=agent.turns.prefix_padding_ms,
            events=self,
            kept=so_far.kept if so_far is not None else None,
        )
        self._turns = turns.Turns(agent.turns, self._only_listening)
        self._utterances = so_far.utterances if so_far is not None else Utterances(call)
        self._watch = self._utterances.watch
        conversation = so_far.conversation if so_far is not None else Conversation()
        self._replies = Replies(call, parts, conversation, self._utterances)
        self._keypad = Keypad()
        self._patience = Patience(agent.silence)
        self._transcribing: asyncio.Task[None] | None = None
        self._paused_at_ms = 0
        self._last_silence = LastSilence()

    # The contract of an engine

    def start(self) -> None:
        """Listen, and greet the caller, or go on where another engine stopped."""
        if self._so_far is not None:
            self._go_on(self._so_far)
            return
        self._transcriber.start()
        self._replies.say(fill(self._agent.greeting, self._call.facts.variables))

    def hear(self, frame: bytes) -> None:
        """Pass the frame to the transcriber."""
        self._transcriber.hear(frame, onset_ms=self._turns.onset_ms, voiced_ms=self._turns.voiced_ms)

    def voice(self, probability: float, end_ms: int) -> None:
        """Let the turn-taking decide what the voice means."""
        if self._replies.deaf:
            return
        self._act(self._turns.voice(probability, end_ms, agent_speaking=self._replies.busy))
        if self._turns.in_voice:
            self._stop_transcribing()

    def dtmf(self, digit: str) -> None:
        """A key silences the agent; the keys together are the caller's answer."""
        if self._replies.deaf:
            return
        self._patience.caller_active()
        if self._replies.busy:
            self._interrupt(self._call.now_ms())
        self._keyed(self._keypad.press(digit, self._call.now_ms()))

    def track_started(self, track: Track) -> None:
        """Note when the caller began to hear an utterance."""
        self._utterances.started(track)

    def track_finished(self, track: Track) -> None:
        """Note that the caller heard an utterance to its end."""
        self._utterances.finished(track)

    def tick(self, now_ms: int) -> None:
        """Keys that no further key follows, silence that lasts too long, and the end of the last words."""
        self._keyed(self._keypad.tick(now_ms))
        if not (self._playout.active or self._turns.speaking):
            self._replies.all_heard()
        if self._replies.ending is not None:
            self._end_when_said(self._replies.ending, now_ms)
            return
        quiet = not (self._replies.busy or self._turns.speaking or self._keypad.waiting)
        match self._patience.tick(now_ms, quiet=quiet):
            case "ask":
                self._replies.say(self._agent.silence.ask_line)
            case "give_up":
                self.wind_up(self._agent.silence.goodbye_line, EndReason.SILENCE)

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line` whatever the caller does, then end the call."""
        self._replies.deaf = True
        self._stop_transcribing()
        self._interrupt(self._call.now_ms())
        self._replies.ending = reason
        self._replies.say(line)

    async def close(self) -> None:
        """Stop the reply and every transcription."""
        self._stop_transcribing()
        if self._transcribing is not None:
            await asyncio.gather(self._transcribing, return_exceptions=True)
        await self._transcriber.close()
        await self._replies.close()

    def _go_on(self, so_far: SoFar) -> None:
        self._transcriber.start(from_ms=so_far.onset_ms)
        for probability, end_ms in so_far.verdicts:
            self.voice(probability, end_ms)
        if so_far.line:
            self._replies.say(so_far.line)
        elif so_far.answer:
            self._replies.go_on()

    # What the transcriber tells

    def on_words(self, text: str) -> None:
        """Words may decide what a voice over the agent means."""
        self._heed(lambda: self._turns.words(text))

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
        except Exception as error:  # noqa: BLE001 - a fault in one call ends that call, not the stream's connection
            report_trouble(self._call, "turn", error)
            self._call.end(EndReason.ERROR, str(error))

    # The caller's side

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
                self._patience.caller_active()
                self._call.emit(CallerSpeechStarted(call_id, now, onset_ms))
            case turns.HoldAgent():
                self._hold(now)
            case turns.SpeechEnded(end_ms):
                self._call.emit(CallerSpeechEnded(call_id, now, end_ms))
            case turns.Transcribe():
                self._stop_transcribing()
                self._transcribing = asyncio.get_running_loop().create_task(self._transcribe(action))
            case turns.ResumeAgent(because):
                word = self._playout.resume()
                self._call.emit(AgentResumed(call_id, now, because, word))
            case turns.Interrupt(onset_ms):
                self._interrupt(onset_ms)
            case turns.Forget():
                log.debug("sound without words", at_ms=now)
            case _:
                self._reply_to(action)

    def _reply_to(self, action: turns.ReplyEarly | turns.TakeBack | turns.EndTurn) -> None:
        match action:
            case turns.ReplyEarly(text):
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
            transcript = await self._transcriber.transcribe(wanted.onset_ms, wanted.end_ms)
        except ProviderError as error:
            report_trouble(self._call, "transcription", error)
            self._act(self._turns.failed(wanted.ticket))
            self._replies.say(self._agent.trouble_line)
            return
        except Exception as error:  # noqa: BLE001 - a task's top
            report_trouble(self._call, "transcription", error)
            self._call.end(EndReason.ERROR, str(error))
            return
        self._watch.transcribed(self._call.now_ms())
        self._act(self._turns.transcribed(wanted.ticket, transcript))

    def _stop_transcribing(self) -> None:
        if self._transcribing is not None:
            self._transcribing.cancel()

    def _interrupt(self, onset_ms: int) -> None:
        stopped_ms = self._paused_at_ms if self._playout.paused else self._call.now_ms()
        self._replies.interrupt(onset_ms, stopped_ms)
        if not self._replies.deaf:
            self._replies.ending = None

    def _turn_ended(self, end: turns.EndTurn) -> None:
        call_id, now = self._call.facts.call_id, self._call.now_ms()
        said = end.transcript
        self._replies.ending = None
        self._call.emit(CallerSaid(call_id, now, said.text, end.onset_ms, end.end_ms, said.confidence))
        self._replies.conversation.caller_said(said.text)
        self._watch.turn_ended(end.end_ms, now)
        self._replies.answer()

    def _keyed(self, digits: str) -> None:
        if digits:
            self._replies.conversation.caller_keyed(digits)
            self._watch.turn_ended(self._call.now_ms(), self._call.now_ms())
            self._replies.answer()

    def _end_when_said(self, reason: EndReason, now_ms: int) -> None:
        transcribing = self._transcribing is not None and not self._transcribing.done()
        speaking = self._turns.speaking and not self._replies.deaf
        quiet = not (self._replies.busy or self._replies.at_work or transcribing or speaking)
        if self._last_silence.over(now_ms, quiet=quiet):
            self._call.end(reason, "")
