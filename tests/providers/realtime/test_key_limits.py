from typing import Any

import pytest

from offhook.providers.realtime.key_limits import KeyLimits, RateLimits


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def limit(name: str, remaining: Any, reset_s: Any) -> dict[str, Any]:
    return {"name": name, "limit": 1_000, "remaining": remaining, "reset_seconds": reset_s}


def test_what_is_used_up_comes_back_in_time() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    limits.take({"rate_limits": [limit("requests", 0, 2.5), limit("tokens", 0, 7)]})
    assert limits.exhausted == 7
    clock.now += 3
    assert limits.exhausted == 4
    limits.take({"rate_limits": [limit("tokens", 500, 1)]})
    assert limits.exhausted == 0
    clock.now += 60
    assert limits.exhausted == 0


def test_few_are_enough() -> None:
    limits = RateLimits(Clock())
    limits.take({"rate_limits": [limit("requests", 1, 9)]})
    assert limits.exhausted == 0


def test_a_refusal_tells_more_than_the_last_numbers() -> None:
    limits = RateLimits(Clock())
    limits.take({"rate_limits": [limit("requests", 1, 9)]})
    limits.failed("rate_limit_exceeded", "No more.")
    assert limits.exhausted == 9


@pytest.mark.parametrize(
    ("text", "rest_s"),
    [
        ("Rate limit reached. Please try again in 6.5s. Visit", 6.5),
        ("Please try again in 250ms.", 0.25),
        ("Please try again in 2m", 120),
        ("Please try again later.", 20),
        ("", 20),
    ],
)
def test_a_refusal_without_numbers(text: str, rest_s: float) -> None:
    clock = Clock()
    limits = RateLimits(clock)
    limits.refused(text)
    assert limits.exhausted == pytest.approx(rest_s)
    clock.now += rest_s + 0.001
    assert limits.exhausted == 0


def test_a_key_without_money_is_left_alone_for_all_its_models() -> None:
    clock = Clock()
    key = KeyLimits(clock)
    key.of("mini").failed("insufficient_quota")
    assert key.of("mini").exhausted == key.of("maxi").exhausted == 300
    clock.now += 300
    assert key.of("maxi").exhausted == 0


def test_limits_are_those_of_a_model_and_its_tables_share_them() -> None:
    key = KeyLimits(Clock())
    key.of("mini").take({"rate_limits": [limit("tokens", 0, 9)]})
    assert (key.of("mini").exhausted, key.of("maxi").exhausted) == (9, 0)


def test_other_failures_use_nothing_up() -> None:
    limits = RateLimits(Clock())
    limits.failed("server_error", "try again in 5s")
    assert limits.exhausted == 0


@pytest.mark.parametrize(
    "event", [{}, {"rate_limits": 7}, {"rate_limits": ["x"]}, {"rate_limits": [limit("tokens", None, 7)]},
              {"rate_limits": [limit("tokens", 0, "soon")]}]
)  # fmt: skip
def test_numbers_that_are_none(event: dict[str, Any]) -> None:
    limits = RateLimits(Clock())
    limits.take(event)
    assert limits.exhausted == 0
