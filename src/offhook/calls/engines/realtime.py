"""The realtime engine: one speech-to-speech session hears the caller and speaks for the agent."""

import structlog

from offhook.calls import turns
from offhook.calls.change import NO_CHANGE, Change
from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.caller_utterances import CallerUtterances
from offhook.calls.engines.last_silence import LastSilence
from offhook.calls.engines.manner import Manner, tell_change
from offhook.calls.engines.prompts import nearly_over, now_talks
from offhook.calls.engines.realtime_parts import HandOver, RealtimeParts
from offhook.calls.engines.sessions import Sessions
from offhook.calls.engines.voice_floor import VoiceFloor
from offhook.calls.keypad import Keypad
from offhook.calls.patience import Patience
from offhook.calls.placeholders import fill
from offhook.calls.track import Track
from offhook.calls.wrap_up import WrapUp
from offhook.events import AgentPaused, AgentResumed, CallerSpeechEnded, CallerSpeechStarted, EndReason

__all__ = ["Realtime", "RealtimeParts"]

log = structlog.get_logger(__name__)


class Realtime:
    """Answers one call with speech-to-speech sessions: the caller's side of it.

    The session decides what was said and when to answer. The voice detector is quicker to notice a voice over the
    agent, and notices a session that hears nothing. `hand_over` is called, once, when no session can be had any more.
    """

    wants_vad = True

    def __init__(self, call: CallHandle, parts: RealtimeParts, hand_over: HandOver | None = None):
        agent = parts.agent
        conversation = Conversation()
        self._call = call
        self._agent = agent
        self._conversation = conversation
        self._manner = Manner.of(call, parts)
        self._playout = call.playout
        self._floor = VoiceFloor(agent.turns)
        self._callers = CallerUtterances(call, conversation, padding_ms=agent.turns.prefix_padding_ms)
        self._sessions = Sessions(call, parts, conversation, self._callers, self, hand_over=hand_over)
        self._watch = self._sessions.utterances.watch
        self._keypad = Keypad()
        self._patience = Patience(agent.silence)
        self._wrap_up = WrapUp(agent.silence)
        self._last_silence = LastSilence()
        self._onset_ms = 0
        self._end_of_speech_ms = 0
        self._paused_at_ms = 0

    # The contract of an engine

    def start(self) -> None:
        """Listen, and greet the caller."""
        self._sessions.start(fill(self._agent.greeting, self._call.facts.variables))

    def hear(self, frame: bytes) -> None:
        """Pass the frame to the session, and keep it in case that dies."""
        self._callers.hear(frame)
        self._sessions.hear(frame)

    def voice(self, probability: float, end_ms: int) -> None:
        """Let the turn-taking decide what the voice means."""
        if self._sessions.deaf:
            return
        self._act(self._floor.voice(probability, end_ms, agent_speaking=self._sessions.busy))
        self._callers.judged(probability, end_ms)

    def dtmf(self, digit: str) -> None:
        """A key silences the agent; the keys together are the caller's answer."""
        if self._sessions.deaf:
            return
        self._patience.caller_active()
        if self._sessions.busy:
            self._interrupt(self._call.now_ms())
        self._keyed(self._keypad.press(digit, self._call.now_ms()))

    def track_started(self, track: Track) -> None:
        """Note when the caller began to hear an utterance."""
        self._sessions.utterances.started(track)

    def track_finished(self, track: Track) -> None:
        """Note that an utterance is over."""
        self._sessions.track_finished(track)

    def tick(self, now_ms: int) -> None:
        """Keys that no further key follows, a silent session, a silent caller, and the end of the last words."""
        self._keyed(self._keypad.tick(now_ms))
        self._sessions.tick(now_ms, caller_speaking=self._caller_speaking)
        if not (self._playout.active or self._caller_speaking):
            self._sessions.tools.all_heard()
        at_work = self._sessions.busy or self._sessions.tools.running
        if self._sessions.ending is not None:
            quiet = not (at_work or (self._caller_speaking and not self._sessions.deaf))
            if self._last_silence.over(now_ms, quiet=quiet):
                self._call.end(self._sessions.ending, "")
            return
        quiet = not (at_work or self._caller_speaking or self._keypad.waiting)
        left_s = self._wrap_up.tick(now_ms, quiet=quiet)
        if left_s is not None:
            self._sessions.tell(nearly_over(left_s))
        match self._patience.tick(now_ms, quiet=quiet):
            case "ask":
                self._sessions.say(self._agent.silence.ask_line)
            case "give_up":
                self.wind_up(self._agent.silence.goodbye_line, EndReason.SILENCE)

    def change(self, change: Change) -> None:
        """Be another agent from now on, as far as `change` says. Raises ToolError for what is not there."""
        change = self._manner.news(change)
        if change == NO_CHANGE:
            return
        before, now = self._manner, self._manner.after(change)
        if now.language != before.language:
            self._conversation.begins_anew(now_talks(now.language))
        self._manner, self._agent = now, now.agent
        self._floor.follow(now.agent.turns)
        self._sessions.change(before, now)
        tell_change(now, change, "asked")
        if change.line:
            self._sessions.say(fill(change.line, self._call.facts.variables))

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line` whatever the caller does, then end the call."""
        if reason is EndReason.MAX_DURATION and self._manner.change.language is not None:
            # The call knows it as it was when it began.
            line = self._agent.silence.max_duration_line
        self._interrupt(self._call.now_ms())
        self._sessions.wind_up(line, reason)

    async def close(self) -> None:
        """Close the session, and stop what it began."""
        await self._sessions.close()

    # What the session hears

    def speech_started(self, item_id: str, at_ms: int) -> None:
        """The caller speaks: whatever plays stops, if callers may interrupt at all."""
        if self._sessions.deaf:
            return
        self._patience.caller_active()
        self._callers.started(item_id, at_ms)
        noticed = self._floor.speaking
        self._act(self._floor.is_speech())
        if self._sessions.busy and self._agent.turns.barge_in:
            self._interrupt(self._onset_ms if noticed else min(at_ms, self._call.now_ms()))
        elif self._agent.turns.barge_in:
            self._sessions.tools.call_off()

    def speech_stopped(self, item_id: str, at_ms: int) -> None:
        """The caller's turn is over; the voice detector knows best when the voice ended."""
        if self._sessions.deaf:
            return
        end_ms = self._end_of_speech_ms or at_ms
        self._callers.stopped(item_id, end_ms)
        self._turn_over(end_ms)

    def caller_said(self, item_id: str, text: str, *, final: bool) -> None:
        """Words of the caller."""
        self._patience.caller_active()
        if final:
            self._watch.transcribed(self._call.now_ms())
        self._callers.said(item_id, text, final=final)

    def interrupted(self) -> None:
        """The session dropped what it was saying."""
        if not self._sessions.deaf and self._playout.active:
            self._interrupt(self._call.now_ms(), cancel=False)

    # The caller's side

    @property
    def _caller_speaking(self) -> bool:
        return self._floor.speaking or bool(self._callers.speaking)

    def _act(self, actions: list[turns.Action]) -> None:
        for action in actions:
            self._do(action)

    def _do(self, action: turns.Action) -> None:
        call_id, now = self._call.facts.call_id, self._call.now_ms()
        match action:
            case turns.SpeechStarted(onset_ms):
                self._onset_ms = onset_ms
                self._end_of_speech_ms = 0
                self._callers.began(onset_ms)
                self._patience.caller_active()
                self._call.emit(CallerSpeechStarted(call_id, now, onset_ms))
            case turns.HoldAgent():
                self._hold(now)
            case turns.SpeechEnded(end_ms):
                self._end_of_speech_ms = end_ms
                self._call.emit(CallerSpeechEnded(call_id, now, end_ms))
            case turns.ResumeAgent(because):
                self._call.emit(AgentResumed(call_id, now, because, self._playout.resume()))
            case turns.Interrupt(onset_ms):
                self._interrupt(onset_ms)
            case turns.Forget():
                self._callers.was_noise()
            case turns.EndTurn():
                self._fell_silent(action)

    def _hold(self, now: int) -> None:
        track = self._playout.current
        self._paused_at_ms = now
        self._sessions.link.items.place_words()
        self._playout.pause()
        if track is not None and track.started:
            self._call.emit(AgentPaused(self._call.facts.call_id, now, track.heard_ms))

    def _interrupt(self, onset_ms: int, *, cancel: bool = True) -> None:
        stopped_ms = self._paused_at_ms if self._playout.paused else self._call.now_ms()
        self._sessions.interrupt(onset_ms, stopped_ms, cancel=cancel)
        if not self._sessions.deaf:
            self._sessions.ending = None

    def _fell_silent(self, end: turns.EndTurn) -> None:
        """The voice detector found the end of a turn. A session that did not even notice its beginning owes an answer
        all the same, if it was a voice for long."""
        self._callers.turn_over()
        self._sessions.link.session.end_turn()
        surely = self._floor.voiced_ms >= self._agent.turns.barge_in_ms
        heedless = self._sessions.link.silent_since(end.onset_ms)
        if surely and heedless:
            self._turn_over(end.end_ms)
        elif not (surely or heedless):
            self._callers.was_noise()

    def _turn_over(self, end_ms: int) -> None:
        self._callers.turn_over()
        self._sessions.ending = None
        self._watch.turn_ended(end_ms, self._call.now_ms())
        self._sessions.turn_over()

    def _keyed(self, digits: str) -> None:
        if digits:
            self._watch.turn_ended(self._call.now_ms(), self._call.now_ms())
            self._sessions.answer_keys(digits)
