from decimal import Decimal

from offhook.costs.bill import Bill
from offhook.costs.prices import Service
from tests.costs.test_prices import MINI, NOVA, SESSION, minute, prices


def test_a_bill_has_a_line_for_each_service_and_sums_by_provider() -> None:
    bill = Bill(prices(MINI, minute("openai", 0.06, "gpt-transcribe")), "c1", "reception")
    words = Service("stt", "openai", "gpt-transcribe")
    assert bill.add(SESSION, {"audio_in": 300}) == Decimal("0.003")
    assert bill.add(words, {"seconds": 10}) == Decimal("0.01")
    assert bill.add(SESSION, {"audio_out": 600}, estimated=True) == Decimal("0.012")
    assert bill.total == Decimal("0.025")
    assert bill.providers == {"openai": Decimal("0.025")}
    assert [(line.service, line.estimated) for line in bill.lines] == [(SESSION, True), (words, False)]
    assert bill.estimated
    assert bill.unpriced == ()


def test_what_has_no_price_is_named() -> None:
    partly = {"provider": "openai", "kind": "realtime", "unit": "1M tokens", "audio_in": 10}
    bill = Bill(prices(partly), "c1", "reception")
    bill.add(NOVA, {"seconds": 1})
    bill.add(SESSION, {"audio_in": 10, "audio_out": 5})
    assert bill.unpriced == ("stt nova (nova-3)", "realtime openai (gpt-realtime-2.1-mini): audio_out")
    assert bill.total == Decimal("0.0001")


def test_a_thousand_reports_of_a_tenth_of_a_second_are_exact() -> None:
    bill = Bill(prices(minute("nova", 0.006)), "c1", "reception")
    costs = [bill.add(NOVA, {"seconds": 0.1}) for _ in range(1_000)]
    assert bill.line(NOVA).used == {"seconds": Decimal(100)}
    assert bill.total == sum(costs) == Decimal("0.01")


def test_started_minutes_are_those_of_the_whole_call() -> None:
    line = Service("carrier", "twilio", "inbound")
    bill = Bill(prices(minute("twilio", 0.01, kind="carrier", started_s=60)), "c1", "reception")
    costs = [bill.add(line, {"seconds": seconds}) for seconds in (60, 20.5, 30, 20)]
    assert costs == [Decimal("0.01"), Decimal("0.01"), 0, Decimal("0.01")]
