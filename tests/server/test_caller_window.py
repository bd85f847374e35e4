from offhook.server.caller_window import CallerWindow


def test_so_many_calls_within_a_window_that_slides() -> None:
    window = CallerWindow(2, 60)
    for now in (0, 30):
        assert not window.full("a", f"call {now}", now)
        window.count("a", f"call {now}", now)
    assert window.full("a", "third", 59)
    assert not window.full("a", "third", 60)
    window.count("a", "third", 60)
    assert window.full("a", "fourth", 89)
    assert not window.full("a", "fourth", 90)


def test_callers_are_counted_apart() -> None:
    window = CallerWindow(1, 60)
    window.count("a", "1", 0)
    assert window.full("a", "2", 1)
    assert not window.full("b", "2", 1)


def test_a_call_counts_once_and_is_never_too_many_itself() -> None:
    window = CallerWindow(2, 60)
    for now in range(5):
        window.count("a", "1", now)
    assert not window.full("a", "2", 5)
    window.count("a", "2", 5)
    assert window.full("a", "3", 6)
    assert not window.full("a", "1", 6)


def test_of_very_many_callers_those_are_forgotten_who_called_longest_ago() -> None:
    window = CallerWindow(1, 60, most_callers=2)
    for now, caller in enumerate("aba"):
        window.count(caller, f"{caller} {now}", now)
    window.count("c", "c", 3)
    assert [window.full(caller, "new", 4) for caller in "abc"] == [True, False, True]
