from typing import Any

import pytest

from offhook.providers.realtime.openai_limits import RateLimits


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
    limits.refused()
    assert limits.exhausted == 0
    limits.take({"rate_limits": [limit("requests", 1, 9)]})
    limits.refused()
    assert limits.exhausted == 9


@pytest.mark.parametrize(
    "event", [{}, {"rate_limits": 7}, {"rate_limits": ["x"]}, {"rate_limits": [limit("tokens", None, 7)]},
              {"rate_limits": [limit("tokens", 0, "soon")]}]
)  # fmt: skip
def test_numbers_that_are_none(event: dict[str, Any]) -> None:
    limits = RateLimits(Clock())
    limits.take(event)
    assert limits.exhausted == 0
