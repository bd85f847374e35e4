"""What a synthetic caller dials, whatever the network behind it: AudioSocket, or the double of a carrier's cloud."""

from collections.abc import Sequence
from typing import Protocol

__all__ = ["Circuit", "Exchange", "Receiver"]


class Receiver(Protocol):
    """The caller's end of a circuit. Positions are samples at the rate that was dialled, on the caller's timeline."""

    @property
    def now(self) -> int:
        """The position on the timeline at this moment."""
        ...

    def hear(self, pcm: bytes, at: int) -> None:
        """Take agent audio, pcm16, that came at position `at`."""
        ...

    def hung_up(self, problem: str = "") -> None:
        """The other end is gone; `problem` says what broke, if something did. Comes once, also after a hang-up of
        the caller's own."""
        ...


class Circuit(Protocol):
    """A call that was answered."""

    @property
    def call_id(self) -> str:
        """The network's id of the call."""
        ...

    @property
    def faults(self) -> Sequence[str] | None:
        """Where the agent broke the network's protocol so far; None where the network ends the call at the first."""
        ...

    def listen(self, receiver: Receiver) -> None:
        """Begin to pass on what comes. Comes once, at the beginning of the caller's timeline."""
        ...

    def send(self, pcm: bytes) -> None:
        """Send 20 ms of pcm16 at the rate that was dialled."""
        ...

    def press(self, digit: str) -> None:
        """Press a key."""
        ...

    async def hang_up(self) -> None:
        """End the call, if it has not ended, and wait until the other end knows."""
        ...


class Exchange(Protocol):
    """A network with an agent at its other end."""

    async def dial(self, rate: int) -> Circuit:
        """Phone the agent and wait until it answers; audio both ways at `rate` Hz. Raises CallError if nobody does."""
        ...
