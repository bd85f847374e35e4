"""Whether a peer is still there."""

from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.carriers.pulse import Pulse


@dataclass
class Clock:
    """One appointment, kept when told."""

    next: Callable[[], None] | None = None
    delays: list[float] = field(default_factory=list)

    def call_later(self, delay: float, callback: Callable[[], None], /) -> "Clock":
        self.delays.append(delay)
        self.next = callback
        return self

    def cancel(self) -> None:
        self.next = None

    def strike(self) -> None:
        callback, self.next = self.next, None
        if callback is not None:
            callback()


class Watched:
    """A pulse, and what it did."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.deeds: list[str] = []
        self.pulse = Pulse(
            self.clock.call_later,
            10.0,
            ask=lambda: self.deeds.append("ask"),
            give_up=lambda: self.deeds.append("give up"),
        )


def test_a_peer_that_talks_is_not_asked() -> None:
    watched = Watched()
    for _ in range(5):
        watched.pulse.alive = True
        watched.clock.strike()
    assert watched.deeds == []
    assert watched.clock.delays == [10.0] * 6


def test_a_silent_peer_is_asked_and_then_given_up() -> None:
    watched = Watched()
    watched.clock.strike()
    watched.clock.strike()
    assert watched.deeds == ["ask"]
    watched.clock.strike()
    assert watched.deeds == ["ask", "give up"]
    assert watched.clock.next is None


def test_a_silent_peer_that_answers_is_asked_again_and_again() -> None:
    watched = Watched()
    for asked in (1, 2, 3):
        watched.clock.strike()
        watched.clock.strike()
        assert watched.deeds == ["ask"] * asked
        watched.pulse.alive = True


def test_after_the_stop_nobody_looks() -> None:
    watched = Watched()
    watched.pulse.stop()
    assert watched.clock.next is None
