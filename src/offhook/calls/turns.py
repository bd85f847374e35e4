"""Whose turn it is: from the voice detector's verdicts, words and transcripts to what the agent should do. No I/O, no
clock: time is the position in the caller's audio, in ms."""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.calls.endings import begins_backchannel, is_unfinished, plain_words
from offhook.config import TurnSettings
from offhook.providers.stt.base import Transcript, TurnSign

__all__ = [
    "Action",
    "EndTurn",
    "Forget",
    "HoldAgent",
    "Interrupt",
    "ReplyEarly",
    "ResumeAgent",
    "SpeechEnded",
    "SpeechStarted",
    "TakeBack",
    "Transcribe",
    "Turns",
]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak at `onset_ms`."""

    onset_ms: int


@dataclass(frozen=True, slots=True)
class HoldAgent:
    """Let the agent fall silent until the sound is judged."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The caller fell silent; the last voice was at `end_ms`. The turn may go on."""

    end_ms: int


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Transcribe what lies between the two times, and report it by `Turns.transcribed` with `ticket`."""

    ticket: int
    onset_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class ResumeAgent:
    """It was no interruption: `because` of its words, or of "noise", or since nobody has said by now what it was."""

    because: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """It is an interruption that began at `onset_ms`: the agent yields."""

    onset_ms: int


@dataclass(frozen=True, slots=True)
class ReplyEarly:
    """The turn may be over with the words `text`: think of a reply, but neither say nor do anything yet."""

    text: str


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The turn was not over: what was begun early is of no use."""


@dataclass(frozen=True, slots=True)
class EndTurn:
    """The caller's turn is over. A reply that was begun early to other words is of no use."""

    onset_ms: int
    end_ms: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class Forget:
    """The sound was no speech, or none that asks for an answer."""


# A short sound over the agent that the recogniser makes little sense of is a hum, whatever words it was given.
_UNCLEAR = 0.45

Action = (
    SpeechStarted
    | HoldAgent
    | SpeechEnded
    | Transcribe
    | ResumeAgent
    | Interrupt
    | ReplyEarly
    | TakeBack
    | EndTurn
    | Forget
)


class Turns:
    """The caller's side of turn-taking for one call.

    A turn begins with a chunk of voice, is transcribed ahead after `speculate_ms` of silence, and ends after
    `silence_ms` of it, or `unfinished_ms` when its words expect more. Voice while the agent speaks holds the agent;
    the words, or `barge_in_ms` of voice, decide whether it goes on. `is_backchannel` judges words said over the agent.
    Where no words come within `judge_ms` of silence the agent goes on meanwhile, and may still be interrupted by them.

    A recogniser that listens along brings more evidence. Its words decide while they are being said, and its own
    judgement that the turn is over ends it in the silence without waiting for more. Where the words expect more, that
    takes a second such judgement: the first may be mere silence.
    """

    def __init__(
        self,
        settings: TurnSettings,
        is_backchannel: Callable[[str], bool],
        *,
        language: str = "en",
        chunk_ms: int = 32,
    ):
        self._settings = settings
        self._language = language
        self._is_backchannel = is_backchannel
        self._chunk_ms = chunk_ms
        self._now_ms = 0
        self._ticket = 0
        self._reset()

    def _reset(self) -> None:
        self._onset_ms: int | None = None
        self._end_ms = 0
        self._voiced_ms = 0
        self._in_voice = False
        self._quiet = False
        self._holding = False
        self._went_on = False
        self._transcript: Transcript | None = None
        self._words: Transcript | None = None
        self._early: str | None = None
        self._judged_over = 0

    @property
    def speaking(self) -> bool:
        """Whether the caller has begun something that has not been judged or ended."""
        return self._onset_ms is not None

    @property
    def onset_ms(self) -> int | None:
        """Where the caller's current utterance begins."""
        return self._onset_ms

    @property
    def voiced_ms(self) -> int:
        """How much voice the current utterance has."""
        return self._voiced_ms

    @property
    def in_voice(self) -> bool:
        """Whether the voice sounds, or did a moment ago: what was asked to be transcribed before is out of date."""
        return self._in_voice

    def follow(self, settings: TurnSettings, language: str) -> None:
        """Judge by these settings and for this language from now on, the turn in progress too."""
        self._settings = settings
        self._language = language

    def voice(self, probability: float, end_ms: int, *, agent_speaking: bool) -> list[Action]:
        """Take the verdict on the chunk that ends at `end_ms`."""
        self._now_ms = end_ms
        level = self._settings.vad_stay if self._in_voice else self._settings.vad_threshold
        if probability >= level:
            return self._voiced(end_ms, agent_speaking)
        return self._unvoiced() if self._onset_ms is not None else []

    def transcribed(self, ticket: int, transcript: Transcript) -> list[Action]:
        """Take the transcript that was asked for with `ticket`; one that the caller has spoken past is ignored."""
        if ticket != self._ticket or self._onset_ms is None or self._in_voice:
            return []
        if not transcript.text and self._words is not None:
            # Words were heard while they were said, so that it was no noise.
            transcript = Transcript(self._words.text, min(self._words.confidence, _UNCLEAR))
        if not transcript.text:
            return self._dismiss("noise")
        actions: list[Action] = []
        if self._holding or self._went_on:
            if transcript.confidence < _UNCLEAR or self._is_backchannel(transcript.text):
                return self._dismiss(transcript.text)
            actions += self._interrupt()
        self._transcript = transcript
        if ended := self._ended():
            return actions + ended
        return (
            actions if is_unfinished(transcript.text, self._language) else actions + self._reply_early(transcript.text)
        )

    def failed(self, ticket: int) -> list[Action]:
        """The transcript asked for with `ticket` will not come: what was said is lost."""
        if ticket != self._ticket or self._onset_ms is None or self._in_voice:
            return []
        actions = (self._interrupt() if self._holding else []) + self._take_back()
        self._reset()
        return [*actions, Forget()]

    def words(self, words: Transcript) -> list[Action]:
        """Take the words of the current utterance so far, from a recogniser that listens along."""
        if self._onset_ms is None or not plain_words(words.text):
            return []
        self._words = words
        if not (self._holding or self._went_on) or words.confidence < _UNCLEAR or self._may_be_listening(words.text):
            return []
        return self._interrupt()

    def sign(self, sign: TurnSign, text: str) -> list[Action]:
        """Take the recogniser's own judgement of the turn. It counts only in silence: a voice says that it is late."""
        if self._onset_ms is None:
            return []
        if sign == "resumed":
            self._judged_over = 0
            return self._take_back()
        if not self._quiet:
            return []
        # Over the agent it takes the transcript, which tells how clear the words are.
        self._words = Transcript(text, _UNCLEAR) if plain_words(text) else self._words
        if sign == "early":
            return [] if self._holding else self._reply_early(text)
        self._judged_over += 1
        return self._ask() if self._in_voice else self._ended()

    def _may_be_listening(self, text: str) -> bool:
        return self._is_backchannel(text) or begins_backchannel(text, self._settings.backchannels)

    def _voiced(self, end_ms: int, agent_speaking: bool) -> list[Action]:
        if self._onset_ms is None and agent_speaking and not self._settings.barge_in:
            return []
        actions = self._take_back()
        self._quiet = False
        self._judged_over = 0
        new = self._onset_ms is None
        if self._onset_ms is None:
            self._onset_ms = end_ms - self._chunk_ms
            actions.append(SpeechStarted(self._onset_ms))
        if agent_speaking and (new or self._went_on):
            self._holding, self._went_on = True, False
            actions.append(HoldAgent())
        if not self._in_voice:
            self._in_voice = True
            self._ticket += 1
            self._transcript = None
        self._end_ms = end_ms
        self._voiced_ms += self._chunk_ms
        if self._holding and self._voiced_ms >= self._settings.barge_in_ms:
            actions += self._interrupt()
        return actions

    def _unvoiced(self) -> list[Action]:
        self._quiet = True
        if self._in_voice:
            return self._ask() if self._silence_ms >= self._settings.speculate_ms else []
        if self._holding and self._transcript is None and self._silence_ms >= self._settings.judge_ms:
            self._holding, self._went_on = False, True
            return [ResumeAgent("not judged yet")]
        return self._ended()

    def _ask(self) -> list[Action]:
        self._in_voice = False
        return [SpeechEnded(self._end_ms), Transcribe(self._ticket, self._onset_ms or 0, self._end_ms)]

    @property
    def _silence_ms(self) -> float:
        # The detector's chunks are the resolution: the nearest one decides.
        return self._now_ms - self._end_ms + self._chunk_ms / 2

    def _ended(self) -> list[Action]:
        if self._transcript is None or self._onset_ms is None:
            return []
        unfinished = is_unfinished(self._transcript.text, self._language)
        judged = self._judged_over >= (2 if unfinished else 1)
        if not judged and self._silence_ms < (
            self._settings.unfinished_ms if unfinished else self._settings.silence_ms
        ):
            return []
        end = EndTurn(self._onset_ms, self._end_ms, self._transcript)
        self._reset()
        return [end]

    def _interrupt(self) -> list[Action]:
        self._holding = self._went_on = False
        return [Interrupt(self._onset_ms or 0)]

    def _dismiss(self, because: str) -> list[Action]:
        resume: list[Action] = [ResumeAgent(because)] if self._holding else []
        actions = [*resume, *self._take_back(), Forget()]
        self._reset()
        return actions

    def _reply_early(self, text: str) -> list[Action]:
        if not self._settings.early_reply or not text or text == self._early:
            return []
        actions = self._take_back()
        self._early = text
        return [*actions, ReplyEarly(text)]

    def _take_back(self) -> list[Action]:
        if self._early is None:
            return []
        self._early = None
        return [TakeBack()]
