from offhook.carriers.marks import MAX_MARKS, Marks


def test_a_mark_that_was_asked_for_is_told_once() -> None:
    marks = Marks()
    marks.ask("a")
    assert [marks.told("b"), marks.told("a"), marks.told("a")] == [False, True, False]


def test_one_that_was_cleared_is_stale() -> None:
    marks = Marks()
    marks.ask("a")
    marks.clear()
    marks.ask("b")
    assert [marks.told("a"), marks.told("b")] == [False, True]


def test_of_very_many_the_oldest_are_given_up() -> None:
    marks = Marks()
    for number in range(MAX_MARKS + 1):
        marks.ask(str(number))
    assert [marks.told("0"), marks.told("1"), marks.told(str(MAX_MARKS))] == [False, True, True]
