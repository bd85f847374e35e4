from decimal import Decimal
from typing import Any

import pytest

from offhook.config import Settings
from offhook.costs.prices import PriceList, Service

DATED = {"as_of": "2026-11-21", "source": "a page"}
MINI = {
    "provider": "openai",
    "kind": "realtime",
    "model": "gpt-realtime-2.1-mini",
    "unit": "1M tokens",
    "text_in": 0.60,
    "text_cached": 0.06,
    "text_out": 2.40,
    "audio_in": 10,
    "audio_cached": 0.30,
    "audio_out": 20,
    **DATED,
}
SESSION = Service("realtime", "openai", "gpt-realtime-2.1-mini")
NOVA = Service("stt", "nova", "nova-3")


def prices(*rows: dict[str, Any], **settings: Any) -> PriceList:
    return PriceList(Settings.model_validate({"prices": [{**DATED, **row} for row in rows], **settings}))


def minute(provider: str, price: float, model: str = "*", kind: str = "stt", **more: Any) -> dict[str, Any]:
    return {"provider": provider, "kind": kind, "model": model, "unit": "minute", "price": price, **more}


def used(**counts: Any) -> dict[str, Decimal]:
    return {kind: Decimal(str(count)) for kind, count in counts.items()}


def test_a_minute_half_caller_half_agent_on_the_mini_model() -> None:
    # Ten tokens for a second of the caller, twenty for one of the agent.
    charge = prices(MINI).charge(SESSION, used(audio_in=300, audio_out=600))
    assert charge.amount == Decimal("0.015")
    assert charge.unpriced == ()


def test_cached_tokens_have_their_own_price() -> None:
    charge = prices(MINI).charge(SESSION, used(audio_cached=1_000, text_cached=100, text_in=10, text_out=1))
    assert charge.amount == Decimal("0.0003") + Decimal("0.000006") + Decimal("0.000006") + Decimal("0.0000024")


def test_many_small_sums_do_not_drift() -> None:
    assert prices(MINI).charge(SESSION, used(text_cached=3)).amount == Decimal("0.00000018")
    assert prices(minute("nova", 0.0058)).charge(NOVA, used(seconds=0.1)).amount == Decimal("0.000009666667")


@pytest.mark.parametrize(
    ("rows", "price"),
    [
        ([minute("deepgram", 1), minute("nova", 2)], 2),
        ([minute("deepgram", 1), minute("deepgram", 2, "nova-3")], 2),
        ([minute("deepgram", 1, "nova-3"), minute("nova", 2)], 2),
        ([minute("nova", 1, "nova-2"), minute("deepgram", 2)], 2),
        ([minute("deepgram", 1, kind="tts"), minute("deepgram", 2)], 2),
    ],
)
def test_the_price_that_is_most_ones_own_counts(rows: list[dict[str, Any]], price: int) -> None:
    found = prices(*rows, stt={"nova": {"kind": "deepgram"}})
    assert found.charge(NOVA, used(seconds=60)).amount == price


def test_what_has_no_price_is_said_and_not_free() -> None:
    charge = prices(MINI).charge(NOVA, used(seconds=60))
    assert (charge.amount, charge.unpriced) == (Decimal(0), ("seconds",))
    assert not prices(MINI).known(NOVA)


def test_a_kind_of_token_without_a_price_is_said() -> None:
    row = {"provider": "openai", "kind": "realtime", "unit": "1M tokens", "audio_in": 10}
    charge = prices(row).charge(SESSION, used(audio_in=100, audio_out=1))
    assert (charge.amount, charge.unpriced) == (Decimal("0.001"), ("audio_out",))
    row["price"] = 5
    assert prices(row).charge(SESSION, used(audio_in=100, audio_out=200)).amount == Decimal("0.002")


def test_a_price_for_something_else_prices_nothing() -> None:
    charge = prices(minute("openai", 1, kind="realtime")).charge(SESSION, used(audio_in=5))
    assert (charge.amount, charge.unpriced) == (Decimal(0), ("audio_in",))


def test_a_voice_is_charged_by_characters_or_by_minutes() -> None:
    voice = Service("tts", "elevenlabs", "eleven_flash_v2_5")
    counts = used(characters=500, seconds=30)
    row = {"provider": "elevenlabs", "kind": "tts", "unit": "1k characters", "price": 0.05}
    by_characters = prices(row).charge(voice, counts)
    assert (by_characters.amount, by_characters.unpriced) == (Decimal("0.025"), ())
    assert prices(minute("elevenlabs", 0.5, kind="tts")).charge(voice, counts).amount == Decimal("0.25")


def test_one_may_be_charged_by_two_units() -> None:
    row = {**MINI, "text_in": 1}
    found = prices(row, minute("openai", 0.6, SESSION.model, kind="realtime"))
    assert found.charge(SESSION, used(audio_in=100_000, seconds=10)).amount == Decimal("1.1")


@pytest.mark.parametrize(("seconds", "minutes"), [(0.02, 1), (60, 1), (60.02, 2), (119, 2)])
def test_a_carrier_may_charge_started_minutes(seconds: float, minutes: int) -> None:
    line = Service("carrier", "twilio", "inbound")
    found = prices(minute("twilio", 0.01, "inbound", kind="carrier", started_s=60))
    assert found.charge(line, used(seconds=seconds)).amount == minutes * Decimal("0.01")


@pytest.mark.parametrize(
    "service",
    [
        Service("stt", "whisper", "whisper-base"),
        Service("tts", "hibari", "hibari"),
        Service("carrier", "audiosocket", "inbound"),
        Service("stt", "mine", ""),
    ],
)
def test_what_is_ones_own_costs_nothing_unless_there_is_a_price(service: Service) -> None:
    tables = {"stt": {"mine": {"kind": "whisper"}}}
    charge = prices(**tables).charge(service, used(seconds=60))
    assert (charge.amount, charge.unpriced) == (Decimal(0), ())
    priced = prices(minute(service.provider, 0.5, kind=service.stage), **tables)
    assert priced.charge(service, used(seconds=60)).amount == Decimal("0.5")


def test_words_of_a_sessions_caller_are_charged_by_its_vendor() -> None:
    found = prices(minute("openai", 0.6, "gpt-transcribe"), realtime={"ours": {"kind": "openai"}})
    assert found.charge(Service("stt", "ours", "gpt-transcribe"), used(seconds=1)).amount == Decimal("0.01")
