"""What answers in the spoken sessions of the doubles, whichever vendor's wire they speak."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest

__all__ = ["Mind", "quoted_line"]

_QUOTED = re.compile(r'"([^"]+)"\W*\Z')


@dataclass(slots=True)
class Mind:
    """What all spoken sessions of a double share: the brain, the voice, and how many answers the key still has."""

    brain: Callable[[ChatRequest], ChatReply]
    voice: Synthesizer
    haste: float
    answers: int
    answers_left: int
    reset_s: float = 60.0


def quoted_line(instructions: str) -> str:
    """What instructions want said by the letter; empty where they end in no quotation."""
    line = _QUOTED.search(instructions)
    return line[1] if line else ""
