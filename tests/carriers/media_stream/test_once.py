import re

from offhook.carriers.media_stream.once import Once


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_taken_once() -> None:
    once = Once[str](60)
    token = once.put("a")
    assert once.take(token) == "a"
    assert once.take(token) is None
    assert once.peek(token) is None


def test_a_value_may_be_good_for_several_uses() -> None:
    once = Once[str](60)
    token = once.put("a", uses=2)
    assert [once.take(token) for _ in range(3)] == ["a", "a", None]


def test_tokens_fit_into_a_path_and_differ() -> None:
    once = Once[int](60)
    tokens = {once.put(number) for number in range(500)}
    assert len(tokens) == 500
    assert all(re.fullmatch(r"[\w-]{32}", token) for token in tokens)


def test_looking_does_not_use_a_token() -> None:
    once = Once[str](60)
    token = once.put("a")
    assert [once.peek(token), once.peek(token), once.take(token)] == ["a", "a", "a"]


def test_a_token_expires() -> None:
    clock = Clock()
    once = Once[str](60, now=clock)
    token = once.put("a")
    clock.now += 59.9
    assert once.peek(token) == "a"
    clock.now += 0.1
    assert once.peek(token) is None
    assert once.take(token) is None
    assert len(once) == 0


def test_a_renewed_token_outlives_those_put_after_it() -> None:
    clock = Clock()
    once = Once[str](60, now=clock)
    first, second = once.put("a"), once.put("b")
    clock.now += 50
    assert once.renew(first)
    clock.now += 50
    assert (once.peek(first), once.peek(second)) == ("a", None)
    assert len(once) == 1
    assert not once.renew(second)


def test_the_oldest_gives_way_when_there_are_too_many() -> None:
    once = Once[int](60, most=3)
    tokens = [once.put(number) for number in range(5)]
    assert [once.peek(token) for token in tokens] == [None, None, 2, 3, 4]


def test_a_dropped_token_is_bad_and_unknown_ones_are() -> None:
    once = Once[str](60)
    token = once.put("a")
    once.drop(token)
    once.drop("never known")
    assert once.take(token) is None
    assert once.take("") is None
