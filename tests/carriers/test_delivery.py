from offhook.carriers.delivery import MAX_EARLY, Delivery
from offhook.events import EndReason


class Told:
    """A call that writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def on_audio(self, frame: bytes) -> None:
        self.heard.append(frame)

    def on_dtmf(self, digit: str) -> None:
        self.heard.append(digit)

    def on_played(self, name: str) -> None:
        self.heard.append(("played", name))

    def on_closed(self, reason: EndReason, detail: str) -> None:
        self.heard.append((reason, detail))


GONE = (EndReason.CALLER_HUNG_UP, "bye")


def attached() -> tuple[Delivery, Told]:
    delivery, told = Delivery(), Told()
    delivery.attach(told)
    return delivery, told


def test_everything_is_told_in_order() -> None:
    delivery, told = attached()
    delivery.give(b"sound")
    delivery.give("5")
    delivery.played("a")
    delivery.end(*GONE)
    assert told.heard == [b"sound", "5", ("played", "a"), GONE]


def test_the_last_of_what_came_before_the_call_is_told_first_and_then_the_end() -> None:
    delivery, told = Delivery(), Told()
    for number in range(MAX_EARLY):
        delivery.give(bytes([number]))
    delivery.give("5")
    delivery.played("nobody asked for this")
    delivery.end(*GONE)
    delivery.attach(told)
    assert told.heard == [*(bytes([number]) for number in range(1, MAX_EARLY)), "5", GONE]


def test_after_the_end_nothing_comes() -> None:
    delivery, told = attached()
    delivery.end(*GONE)
    delivery.give(b"sound")
    delivery.end(EndReason.ERROR, "again")
    assert (told.heard, delivery.is_open) == ([GONE], False)


def test_who_has_closed_it_hears_nothing_of_the_end() -> None:
    delivery, told = attached()
    delivery.close()
    delivery.end(*GONE)
    delivery.give("5")
    assert (told.heard, delivery.is_open) == ([], False)


def test_a_call_that_was_closed_before_it_came_hears_nothing_at_all() -> None:
    delivery, told = Delivery(), Told()
    delivery.give(b"sound")
    delivery.end(*GONE)
    delivery.close()
    delivery.attach(told)
    assert told.heard == []


def test_an_end_that_is_held_back_is_told_once_when_it_is_released() -> None:
    delivery, told = attached()
    delivery.hold_end()
    delivery.end(*GONE)
    assert told.heard == []
    delivery.release_end()
    delivery.release_end()
    assert told.heard == [GONE]


def test_an_end_that_never_came_is_not_told() -> None:
    delivery, told = attached()
    delivery.hold_end()
    delivery.release_end()
    assert (told.heard, delivery.is_open) == ([], True)
