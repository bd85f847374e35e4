"""Who is at the other end of a call that a server places or transfers: people and machines that do as scripted."""

from dataclasses import dataclass, field

import numpy as np

from offhook.simulator.clouds.media_stream.endings import BUSY, NO_ANSWER, REJECTED, Ending
from offhook.simulator.clouds.media_stream.playback import RATE

__all__ = ["Callee", "answering_machine", "answers", "busy", "no_answer", "rejects"]

BEEP_HZ = 1_000.0
BEEP_S = 0.4


@dataclass(frozen=True, slots=True)
class Callee:
    """What happens when a number is called.

    It rings for `ring_s`, if the caller is that patient, and then comes `refusal`, or an answer. Who answers says
    `speech` (pcm16, 8 kHz) at once, and hangs up `stays_s` after answering, if that is given. Machine detection takes
    `detected_s` to make up its mind. `beep_s` is when a machine's beep ends.
    """

    ring_s: float = 1.0
    refusal: Ending | None = None
    speech: bytes = field(default=b"", repr=False)
    stays_s: float | None = None
    machine: bool = False
    detected_s: float = 1.5
    beep_s: float = 0.0


def answers(after_s: float = 1.0, *, speech: bytes = b"", stays_s: float | None = None) -> Callee:
    """Somebody who answers."""
    return Callee(after_s, speech=speech, stays_s=stays_s)


def busy(after_s: float = 0.2) -> Callee:
    """A line that is engaged."""
    return Callee(after_s, BUSY)


def rejects(after_s: float = 2.0) -> Callee:
    """Somebody who looks at the number and declines."""
    return Callee(after_s, REJECTED)


def no_answer(after_s: float = 60.0) -> Callee:
    """A telephone that nobody picks up; the network gives up after `after_s`."""
    return Callee(after_s, NO_ANSWER)


def answering_machine(after_s: float = 4.0, *, greeting_s: float = 8.0, stays_s: float | None = 60.0) -> Callee:
    """A machine: a long greeting, a beep, and then it listens."""
    speech = np.concatenate([_greeting(greeting_s), _tone(BEEP_HZ, BEEP_S, 8_000)])
    return Callee(
        after_s,
        speech=speech.tobytes(),
        stays_s=stays_s,
        machine=True,
        detected_s=4.0,
        beep_s=greeting_s + BEEP_S,
    )


def _tone(hz: float, seconds: float, amplitude: float) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    time = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hz * time)).astype("<i2")


def _greeting(seconds: float) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """A voice-like buzz that swells four times a second, as syllables do."""
    time = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * hz * time) / rank for rank, hz in enumerate((140, 420, 700, 1_260), 1))
    return (2_500 * voice * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))).astype("<i2")
