"""The pipeline engine: transcriber, responder and speaker, taking turns with the caller."""

from offhook.calls.change import NO_CHANGE, Change
from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.floor import Floor
from offhook.calls.engines.last_silence import LastSilence
from offhook.calls.engines.manner import Manner, tell_change
from offhook.calls.engines.prompts import nearly_over, now_talks
from offhook.calls.engines.replies import PipelineParts, Replies
from offhook.calls.engines.so_far import SoFar
from offhook.calls.engines.utterances import Utterances
from offhook.calls.keypad import Keypad
from offhook.calls.patience import Patience
from offhook.calls.placeholders import fill
from offhook.calls.track import Track
from offhook.calls.wrap_up import WrapUp
from offhook.events import EndReason

__all__ = ["Pipeline", "PipelineParts"]


class Pipeline:
    """Answers one call with speech recognition, a responder and speech synthesis. With `so_far` it goes on with a call
    that another engine began."""

    wants_vad = True

    def __init__(self, call: CallHandle, parts: PipelineParts, so_far: SoFar | None = None):
        agent = parts.agent
        self._call = call
        self._so_far = so_far
        self._agent = agent
        self._playout = call.playout
        self._utterances = so_far.utterances if so_far is not None else Utterances(call)
        self._watch = self._utterances.watch
        conversation = so_far.conversation if so_far is not None else Conversation()
        self._replies = Replies(call, parts, conversation, self._utterances)
        self._keypad = Keypad()
        self._patience = Patience(agent.silence)
        self._wrap_up = WrapUp(agent.silence)
        self._manner = Manner.of(call, parts)
        self._floor = Floor(
            call,
            parts,
            self._replies,
            self._watch,
            on_speech=self._patience.caller_active,
            on_language=lambda language: self._become(Change(language=language), "heard"),
            kept=so_far.kept if so_far is not None else None,
        )
        self._last_silence = LastSilence()
        if so_far is not None and so_far.change != NO_CHANGE:
            self._take(self._manner.after(so_far.change))

    # The contract of an engine

    def start(self) -> None:
        """Listen, and greet the caller, or go on where another engine stopped."""
        if self._so_far is not None:
            self._go_on(self._so_far)
            return
        self._floor.start()
        self._replies.say(fill(self._agent.greeting, self._call.facts.variables))

    def hear(self, frame: bytes) -> None:
        """The caller's audio."""
        self._floor.hear(frame)

    def voice(self, probability: float, end_ms: int) -> None:
        """The voice detector's verdict on it."""
        self._floor.voice(probability, end_ms)

    def dtmf(self, digit: str) -> None:
        """A key silences the agent; the keys together are the caller's answer."""
        if self._replies.deaf:
            return
        self._patience.caller_active()
        if self._replies.busy:
            self._floor.interrupt(self._call.now_ms())
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
        self._replies.tick(now_ms, caller_speaking=self._floor.speaking)
        if self._replies.ending is not None:
            self._end_when_said(self._replies.ending, now_ms)
            return
        quiet = not (self._replies.busy or self._floor.speaking or self._keypad.waiting)
        left_s = self._wrap_up.tick(now_ms, quiet=quiet)
        if left_s is not None:
            self._come_to_an_end(left_s)
            return
        match self._patience.tick(now_ms, quiet=quiet):
            case "ask":
                self._replies.say(self._agent.silence.ask_line)
            case "give_up":
                self.wind_up(self._agent.silence.goodbye_line, EndReason.SILENCE)

    def change(self, change: Change) -> None:
        """Be another agent from now on, as far as `change` says. Raises ToolError for what is not there."""
        self._become(change, "asked")

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line` whatever the caller does, then end the call."""
        if reason is EndReason.MAX_DURATION and self._manner.change.language is not None:
            # The call knows it as it was when it began.
            line = self._agent.silence.max_duration_line
        self._replies.deaf = True
        self._floor.stop_transcribing()
        self._floor.interrupt(self._call.now_ms())
        self._replies.wind_up(line, reason)

    async def close(self) -> None:
        """Stop the reply and every transcription."""
        await self._floor.close()
        await self._replies.close()

    def _become(self, change: Change, because: str) -> None:
        change = self._manner.news(change)
        if change == NO_CHANGE:
            return
        before, now = self._manner, self._manner.after(change)
        if now.language != before.language:
            self._replies.conversation.begins_anew(now_talks(now.language))
        self._take(now)
        tell_change(now, change, because)
        if change.line:
            self._replies.say(fill(change.line, self._call.facts.variables))

    def _take(self, now: Manner[PipelineParts]) -> None:
        before, self._manner = self._manner, now
        self._agent = now.agent
        self._replies.change(before, now)
        self._floor.change(now)

    def _come_to_an_end(self, left_s: int) -> None:
        if self._manner.parts.responders.scripted:
            self._replies.say(self._agent.silence.wrap_up_line)
        else:
            self._replies.conversation.note(nearly_over(left_s))

    def _go_on(self, so_far: SoFar) -> None:
        self._floor.start(from_ms=so_far.onset_ms)
        for probability, end_ms in so_far.verdicts:
            self.voice(probability, end_ms)
        if so_far.line:
            self._replies.say(so_far.line)
        elif so_far.answer:
            self._replies.go_on()

    def _keyed(self, digits: str) -> None:
        if digits:
            self._replies.conversation.caller_keyed(digits)
            self._watch.turn_ended(self._call.now_ms(), self._call.now_ms())
            self._replies.answer()

    def _end_when_said(self, reason: EndReason, now_ms: int) -> None:
        speaking = self._floor.speaking and not self._replies.deaf
        quiet = not (self._replies.busy or self._replies.at_work or self._floor.transcribing or speaking)
        if self._last_silence.over(now_ms, quiet=quiet):
            self._call.end(reason, "")
