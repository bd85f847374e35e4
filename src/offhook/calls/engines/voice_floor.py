"""Whose turn it is where a provider hears the words: the voice detector's evidence, and its own."""

from offhook.calls import turns
from offhook.config import TurnSettings
from offhook.providers.stt.base import Transcript

__all__ = ["VoiceFloor"]

# To the state machine of turns: it was speech, whatever its words. Neither is a backchannel or expects more.
_SPEECH = "(speech)"
_UNTOLD = Transcript(_SPEECH, 1.0)
_NOISE = Transcript("", 0.0)
_NO_WORDS = ""
"""The language of what is not put into words here."""


class VoiceFloor:
    """The caller's side of turn-taking for a call whose provider hears the words.

    A voice over the agent holds it at once. If the provider says that it is speech, or if it lasts for `barge_in_ms`,
    it is an interruption; if the provider has said nothing within `judge_ms` of the silence after it, it was none. The
    end of a turn is told for providers that do not find it themselves.
    """

    def __init__(self, settings: TurnSettings):
        self._turns = turns.Turns(settings, lambda text: False)
        self._holding = False
        self._ticket = 0
        self.voiced_ms = 0
        """How much voice the last utterance had."""

    @property
    def speaking(self) -> bool:
        """Whether the caller has begun something that has not been judged or ended."""
        return self._turns.speaking

    @property
    def in_voice(self) -> bool:
        """Whether the voice sounds, or did a moment ago."""
        return self._turns.in_voice

    def follow(self, settings: TurnSettings) -> None:
        """Judge by these settings from now on."""
        self._turns.follow(settings, _NO_WORDS)

    def voice(self, probability: float, end_ms: int, *, agent_speaking: bool) -> list[turns.Action]:
        """Take the voice detector's verdict on the chunk that ends at `end_ms`."""
        return self._followed(self._turns.voice(probability, end_ms, agent_speaking=agent_speaking))

    def is_speech(self) -> list[turns.Action]:
        """The provider says that the caller speaks."""
        actions = self._followed(self._turns.words(_UNTOLD))
        if self._turns.speaking and not self._turns.in_voice:
            actions += self._followed(self._turns.transcribed(self._ticket, _UNTOLD))
        return actions

    def _followed(self, actions: list[turns.Action]) -> list[turns.Action]:
        told: list[turns.Action] = []
        for action in actions:
            told.append(action)
            match action:
                case turns.HoldAgent():
                    self._holding = True
                case turns.Interrupt():
                    self._holding = False
                case turns.ResumeAgent():
                    self._holding = False
                    told += self._turns.transcribed(self._ticket, _NOISE)
                case turns.Transcribe(ticket):
                    self._ticket = ticket
                    self.voiced_ms = self._turns.voiced_ms
                    if not self._holding:
                        told += self._turns.transcribed(ticket, _UNTOLD)
        return told
