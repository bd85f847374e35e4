"""A call in progress, as an engine that takes it over must know it."""

from collections.abc import Sequence
from dataclasses import dataclass

from offhook.calls.change import NO_CHANGE, Change
from offhook.calls.conversation import Conversation
from offhook.calls.engines.utterances import Utterances
from offhook.calls.kept_audio import KeptAudio

__all__ = ["SoFar", "Verdict"]

Verdict = tuple[float, int]
"""The voice detector's probability of a voice, and where the audio that it judged ends, in ms."""


@dataclass(frozen=True, slots=True)
class SoFar:
    """What was said and what is still to be done.

    `kept` is the caller's latest audio. `onset_ms` is where an utterance of the caller begins that was neither put into
    words nor answered, and `verdicts` are the voice detector's since then. `answer` tells that the agent owes an
    answer to the conversation, or the rest of one, and `line` is one that it was about to say instead. `change` is what
    was changed of the agent.
    """

    conversation: Conversation
    utterances: Utterances
    kept: KeptAudio
    onset_ms: int | None = None
    verdicts: Sequence[Verdict] = ()
    answer: bool = False
    line: str = ""
    change: Change = NO_CHANGE
