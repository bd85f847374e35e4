from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from offhook.calls.in_flight import MARK_PATIENCE_MS, InFlight

PATIENCE = MARK_PATIENCE_MS // 20


def line(sent: Iterable[int | str]) -> InFlight[int | str]:
    """Frames are numbers here and marks are strings."""
    in_flight: InFlight[int | str] = InFlight()
    for each in sent:
        if isinstance(each, str):
            in_flight.mark(each, each)
        else:
            in_flight.send(each)
    return in_flight


def beats(in_flight: InFlight[int | str], count: int) -> list[int | str]:
    return [item for _ in range(count) for item in in_flight.beat()]


def test_without_marks_one_frame_a_beat_is_heard() -> None:
    in_flight = line([1, 2, 3])
    assert [in_flight.beat() for _ in range(4)] == [[1], [2], [3], []]
    assert in_flight.unheard == 0


def test_a_frame_with_a_mark_is_heard_when_the_mark_is_confirmed() -> None:
    in_flight = line([1, 2, "a", 3])
    assert beats(in_flight, PATIENCE) == [1]
    assert in_flight.unheard == 2
    assert in_flight.confirm("a") == [2, "a"]
    assert [in_flight.beat() for _ in range(3)] == [[], [3], []]


def test_a_mark_before_its_time_moves_all_forward() -> None:
    in_flight = line([1, 2, "a", 3, 4, "b", 5])
    in_flight.beat()
    assert in_flight.confirm("b") == [2, "a", 3, 4, "b"]
    assert in_flight.unheard == 1


def test_unknown_void_and_repeated_names_are_passed_over() -> None:
    in_flight = line([1, "a", 2, "b", 3])
    assert in_flight.confirm("a") == [1, "a"]
    assert [in_flight.confirm(name) for name in ("a", "", "c")] == [[], [], []]
    in_flight.clear()
    in_flight.send(4)
    assert in_flight.confirm("b") == []
    assert in_flight.unheard == 1


def test_a_mark_is_given_up_when_its_audio_should_long_have_been_over() -> None:
    in_flight = line([1, 2, "a", 3, 4])
    assert beats(in_flight, 1 + PATIENCE) == [1]
    assert in_flight.beat() == [2, "a", 3, 4]
    assert (in_flight.given_up, in_flight.trusts) == (1, True)
    assert in_flight.confirm("a") == []


def test_a_mark_behind_all_that_was_heard_has_its_patience_from_when_it_was_sent() -> None:
    in_flight = line([1])
    beats(in_flight, 5)
    in_flight.mark("a", "a")
    assert beats(in_flight, PATIENCE) == []
    assert in_flight.beat() == ["a"]


def test_what_was_sent_while_a_mark_held_up_the_line_is_not_heard_before_it_was_sent() -> None:
    in_flight = line([1, "a", 2, "b"])
    assert beats(in_flight, PATIENCE) == []
    in_flight.send(3)
    in_flight.send(4)
    assert in_flight.beat() == [1, "a"]
    assert in_flight.beat() == [2, "b", 3, 4]
    in_flight = line([1, "a"])
    beats(in_flight, PATIENCE)
    for frame in (2, 3, 4):
        in_flight.send(frame)
    assert [in_flight.beat() for _ in range(3)] == [[1, "a", 2], [3], [4]]


def test_after_two_in_a_row_nobody_waits() -> None:
    in_flight = line([1, "a", 2, "b", 3, "c", 4])
    assert beats(in_flight, PATIENCE + 3) == [1, "a", 2, "b", 3, "c", 4]
    assert not in_flight.trusts
    in_flight.send(5)
    in_flight.mark("d", "d")
    assert in_flight.beat() == [5, "d"]


def test_one_confirmed_between_two_given_up_keeps_the_trust() -> None:
    in_flight = line([1, "a", 2, "b", 3, "c"])
    beats(in_flight, PATIENCE + 1)
    in_flight.confirm("b")
    beats(in_flight, PATIENCE + 3)
    assert (in_flight.given_up, in_flight.trusts) == (2, True)


def distrusted() -> InFlight[int | str]:
    in_flight = line([1, "a", 2, "b"])
    beats(in_flight, PATIENCE + 3)
    assert not in_flight.trusts
    return in_flight


def test_one_that_comes_in_time_after_all_restores_the_trust() -> None:
    in_flight = distrusted()
    in_flight.send(3)
    in_flight.mark("c", "c")
    beats(in_flight, PATIENCE)
    assert in_flight.confirm("c") == []
    assert in_flight.trusts


def test_those_before_the_one_that_comes_are_not_given_up() -> None:
    in_flight = distrusted()
    for frame, name in ((3, "c"), (4, "d")):
        in_flight.send(frame)
        in_flight.mark(name, name)
    beats(in_flight, 2)
    in_flight.confirm("d")
    beats(in_flight, PATIENCE * 2)
    assert in_flight.given_up == 2


def test_one_that_comes_too_late_restores_nothing() -> None:
    in_flight = distrusted()
    in_flight.send(3)
    in_flight.mark("c", "c")
    beats(in_flight, PATIENCE + 2)
    assert in_flight.confirm("c") == []
    assert (in_flight.trusts, in_flight.given_up) == (False, 3)


def test_a_clear_forgets_all_but_the_distrust() -> None:
    in_flight = distrusted()
    in_flight.send(3)
    in_flight.mark("c", "c")
    in_flight.beat()
    in_flight.clear()
    assert in_flight.confirm("c") == []
    assert (in_flight.trusts, beats(in_flight, PATIENCE * 2), in_flight.given_up) == (False, [], 2)


@given(st.lists(st.sampled_from(["send", "mark", "beat", "beats", "confirm", "stale"]), max_size=120))
def test_everything_is_heard_once_and_in_order_and_in_the_end(acts: list[str]) -> None:
    in_flight: InFlight[int | str] = InFlight()
    sent: list[int | str] = []
    heard: list[int | str] = []
    for number, act in enumerate(acts):
        match act:
            case "send":
                sent.append(number)
                in_flight.send(number)
            case "mark":
                sent.append(f"m{number}")
                in_flight.mark(f"m{number}", f"m{number}")
            case "beat" | "beats":
                heard += beats(in_flight, 1 if act == "beat" else PATIENCE + 1)
            case "confirm":
                waiting = [name for name in sent[len(heard) :] if isinstance(name, str)]
                heard += in_flight.confirm(waiting[len(waiting) // 2]) if waiting else []
            case "stale":
                gone = [name for name in sent[: len(heard)] if isinstance(name, str)]
                assert in_flight.confirm(gone[-1] if gone else "never sent") == []
        assert heard == sent[: len(heard)]
        assert in_flight.unheard == sum(isinstance(each, int) for each in sent[len(heard) :])
    heard += beats(in_flight, (PATIENCE + 2) * 2 + len(sent) + 2)
    assert heard == sent
