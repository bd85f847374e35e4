from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offhook.config import Settings
from offhook.doctor_costs import cost_checks

CLOUD = {"a": {"stt": ["nova"], "llm": ["flow"], "tts": ["hibari"]}}
NOVA = {"nova": {"kind": "deepgram", "base_url": "http://127.0.0.1:1"}}


def row(days: int = 0, provider: str = "deepgram", **more: Any) -> dict[str, Any]:
    day = (datetime.now(UTC) - timedelta(days=days)).date()
    usual = {"kind": "stt", "unit": "minute", "price": 1, "as_of": str(day), "source": "https://x.example"}
    return {"provider": provider, **usual, **more}


def found(**settings: Any) -> list[tuple[str, str]]:
    tree = {"agents": CLOUD, "stt": NOVA, **settings}
    return [(check.state, check.found) for check in cost_checks(Settings.model_validate(tree))]


def test_local_models_need_no_prices() -> None:
    assert found(agents={"a": {}}) == []


def test_without_any_prices_that_is_said_once() -> None:
    assert found() == [("poor", "no prices are set: it is not known what calls cost")]


@pytest.mark.parametrize("limit", ["alert_per_call", "alert_per_day", "stop_per_call", "stop_per_day"])
def test_limits_without_prices_are_never_reached(limit: str) -> None:
    [(state, text)] = found(costs={limit: 1}, agents={"a": {}})
    assert (state, text) == ("poor", "there are limits of costs and no prices, so that none is ever reached")


def test_a_provider_without_a_price_is_named_with_its_model() -> None:
    assert found(prices=[row(provider="other")]) == [("poor", "no price of stt nova (nova-3)")]


def test_a_carrier_with_an_account_is_used_both_ways() -> None:
    keys = {"plivo_auth_id": "MAXXXXXXXXXXXXXXXXXX", "plivo_auth_token": "token"}
    lines = [text for _, text in found(keys=keys, prices=[row()])]
    assert lines[:2] == ["no price of carrier plivo (inbound)", "no price of carrier plivo (outbound)"]


def test_prices_that_are_all_there_and_new() -> None:
    assert found(prices=[row(10)]) == [("good", "1 prices in USD, none older than 180 days")]


@pytest.mark.parametrize(("days", "limit", "old"), [(200, 180, True), (200, 365, False), (8, 7, True)])
def test_prices_that_are_old(days: int, limit: int, old: bool) -> None:
    states = [state for state, _ in found(prices=[row(days)], costs={"old_after_days": limit})]
    assert states == (["poor"] if old else ["good"])


def test_an_old_price_that_nobody_needs_is_left_alone() -> None:
    assert found(prices=[row(), row(999, "other")]) == [("good", "1 prices in USD, none older than 180 days")]
