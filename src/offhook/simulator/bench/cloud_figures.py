"""From what talking callers noted to figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from offhook.simulator.bench.figures import Spread, spread
from offhook.simulator.bench.talker import Interruption, Turn

__all__ = ["AddedFigures", "CloudFigures", "Greeting", "added_figures", "barge_in", "total"]


@dataclass(frozen=True, slots=True)
class Greeting:
    """One call's beginning, ms from the sending of the answer webhook: to its answer, and to the first audio."""

    webhook_ms: float
    audio_ms: float


@dataclass(frozen=True, slots=True)
class AddedFigures:
    """What the server adds to a turn, in ms: from the moment the recogniser's judgement that the turn is over left it
    to the arrival of the answer's first audio at the carrier.

    It holds all that the server does (sockets, JSON, its decision, the request to the language model, clauses, sound),
    up to one beat of its 20 ms clock, and what the doubles themselves need: they answer at once, and no time is taken
    off for them. Endpointing and the network are not in it. It is the sum, turn by turn, of three stretches: from the
    judgement to the whole request at the language model (`to_model`), from there to the first text at the voice
    (`to_voice`), and from there to the carrier (`to_carrier`). All times are of one clock outside the server. A turn
    whose model was asked before the judgement, as an early reply is, has no such sum and does not count.
    """

    turns: int
    added: Spread
    to_model: Spread
    to_voice: Spread
    to_carrier: Spread


@dataclass(frozen=True, slots=True)
class CloudFigures:
    """What callers of an agent with cloud providers met with, in ms.

    `total` is from the caller's last audible frame to the first audio of the answer, with a language model that is
    asked when the turn is over, and `total_early` with one that may begin before. `barge_in` is from the first audible
    frame of the caller to the command to clear the carrier's buffer. `missed` counts answers and clears that never
    came, and `violations` what the carrier would have refused.
    """

    carrier: str
    greetings: int
    webhook: Spread | None
    greeting: Spread | None
    turns: int
    added: AddedFigures | None
    total: Spread | None
    early_turns: int
    total_early: Spread | None
    interruptions: int
    barge_in: Spread | None
    missed: int
    violations: int


def added_figures(turns: Sequence[Turn]) -> AddedFigures | None:
    """Those of the turns that all providers met with, each in its order; None if there are none."""
    stretches = [each for turn in turns if (each := _stretches(turn)) is not None]
    if not stretches:
        return None
    spreads = [spread(values) for values in zip(*stretches, strict=True)]
    added, to_model, to_voice, to_carrier = (each or Spread(0, 0, 0, 0) for each in spreads)
    return AddedFigures(len(stretches), added, to_model, to_voice, to_carrier)


def _stretches(turn: Turn) -> tuple[float, float, float, float] | None:
    trail = turn.trail
    if trail.judged is None or trail.asked is None or trail.spoken is None:
        return None
    times = (trail.judged, trail.asked, trail.spoken, turn.answered)
    to_model, to_voice, to_carrier = (1000 * (later - time) for time, later in pairwise(times))
    if min(to_model, to_voice, to_carrier) < 0:
        return None
    return to_model + to_voice + to_carrier, to_model, to_voice, to_carrier


def total(turns: Sequence[Turn]) -> Spread | None:
    """From the end of the caller's speech to the first audio of the answer."""
    return spread([1000 * (turn.answered - turn.ended) for turn in turns])


def barge_in(interruptions: Sequence[Interruption]) -> Spread | None:
    """From the caller's voice to the command to clear."""
    return spread([1000 * (each.cleared - each.began) for each in interruptions])
