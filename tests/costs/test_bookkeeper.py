from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from offhook.config import Settings
from offhook.costs.bookkeeper import Bookkeeper, money, told_cost
from offhook.costs.prices import PriceList
from offhook.events import CallCosted, CallEnded, CallEvent, CallStarted, CallTrouble, EndReason, UsageReported
from tests.costs.test_ledger import DAY, Books
from tests.costs.test_prices import DATED, minute


class Desk:
    """Books at a dollar a minute of the recogniser "nova", of which the test says how long it was used."""

    def __init__(self, folder: Path, **costs: Any) -> None:
        row = {**minute("nova", 1), **DATED}
        self.settings = Settings.model_validate({"prices": [row], "costs": costs})
        self.book = Books(folder)
        self.told: list[CallEvent] = []
        self.stopped: list[str] = []
        self.keeper = self.opened()

    def opened(self) -> Bookkeeper:
        return Bookkeeper(
            self.settings.costs,
            PriceList(self.settings),
            self.book.ledger,
            emit=self.told.append,
            stop=self.stopped.append,
        )

    def begin(self, call: str = "c1", agent: str = "reception") -> None:
        self.keeper(CallStarted(call, 0, "twilio", "x", agent, "", "mulaw", "2026-11-21T09:00:00+00:00"))

    def use(self, minutes: float, call: str = "c1", provider: str = "nova", *, estimated: bool = False) -> None:
        used = {"seconds": minutes * 60}
        self.keeper(UsageReported(call, 1_000, provider, used, "stt", "nova-3", estimated=estimated))

    def end(self, call: str = "c1") -> None:
        self.keeper(CallEnded(call, 9_000, EndReason.CALLER_HUNG_UP))

    def spent_up(self) -> bool:
        return self.keeper.spent_up

    @property
    def warnings(self) -> list[str]:
        return [event.detail for event in self.told if isinstance(event, CallTrouble)]


def test_what_a_call_costs_is_told_as_it_comes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.begin()
    assert desk.keeper.so_far("c1") == CallCosted("c1", 0, Decimal(0), "USD", {})
    desk.use(0.5)
    desk.use(0.25, provider="other", estimated=True)
    unpriced = ("stt other (nova-3)",)
    shares = {"nova": Decimal("0.5"), "other": Decimal(0)}
    assert desk.told[-1] == CallCosted("c1", 1_000, Decimal("0.5"), "USD", shares, unpriced, estimated=True)
    assert desk.keeper.so_far("c1") == replace(desk.told[-1], at_ms=0)
    desk.end()
    assert desk.keeper.so_far("c1") is None


def test_each_call_of_an_agent_is_in_the_ledger(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for call, agent in (("c1", "reception"), ("c2", "sales")):
        desk.begin(call, agent)
        desk.use(2, call)
    desk.use(1, "c1", "other")
    written = {
        (each.call, each.agent, each.provider): (each.cost, each.unpriced) for each in desk.book.file.read(DAY, DAY)
    }
    assert written == {
        ("c1", "reception", "nova"): (Decimal(2), False),
        ("c2", "sales", "nova"): (Decimal(2), False),
        ("c1", "reception", "other"): (Decimal(0), True),
    }


def test_what_comes_for_no_call_or_after_its_end_is_in_the_ledger_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.use(1, "")
    desk.begin()
    desk.use(2)
    desk.end()
    desk.use(4)
    assert sorted(each.cost for each in desk.book.file.read(DAY, DAY)) == [1, 2, 4]
    assert desk.book.ledger.spent == 7


def test_an_id_that_comes_again_is_another_call(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for minutes in (1, 2):
        desk.begin()
        desk.use(minutes)
        desk.end()
    assert sorted(each.cost for each in desk.book.file.read(DAY, DAY)) == [1, 2]


def test_a_call_that_crosses_its_limits_is_warned_of_once_and_stopped_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, alert_per_call=1, stop_per_call=2)
    desk.begin()
    desk.begin("c2")
    desk.use(0.9)
    desk.use(0.9, "c2")
    assert desk.warnings == []
    desk.use(0.1)
    desk.use(0.5)
    assert desk.warnings == ["the call has cost 1 USD; costs.alert_per_call is 1"]
    assert desk.stopped == []
    desk.use(0.7)
    desk.use(5)
    assert desk.warnings[1:] == ["the call has cost 2.2 USD; costs.stop_per_call is 2"]
    assert desk.stopped == ["c1"]


def test_a_day_that_crosses_its_limits_takes_no_more_calls_until_the_next(tmp_path: Path) -> None:
    desk = Desk(tmp_path, alert_per_day=1, stop_per_day=3)
    for call in ("c1", "c2"):
        desk.begin(call)
        desk.use(0.75, call)
    assert desk.warnings == ["this day has cost 1.5 USD; costs.alert_per_day is 1"]
    assert not desk.spent_up()
    desk.use(1.5, "c1")
    desk.use(1, "c2")
    assert desk.warnings[1:] == ["this day has cost 3 USD; costs.stop_per_day is 3"]
    assert desk.spent_up()
    assert desk.stopped == [], "calls in progress go on"
    desk.book.day += timedelta(days=1)
    assert not desk.spent_up()
    desk.use(1, "c2")
    assert len(desk.warnings) == 3, "and the new day has warnings of its own"


def test_a_restart_neither_forgets_the_day_nor_warns_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, alert_per_day=1, stop_per_day=3)
    desk.begin()
    desk.use(4)
    again = Desk(tmp_path, alert_per_day=1, stop_per_day=3)
    assert again.keeper.spent_up
    again.begin()
    again.use(1)
    assert again.warnings == []


def test_what_another_process_spends_counts_and_is_warned_of(tmp_path: Path) -> None:
    desk, other = Desk(tmp_path, stop_per_day=3), Desk(tmp_path)
    other.begin()
    other.use(5)
    desk.book.seconds = 10
    _ = desk.keeper.spent_up
    assert desk.keeper.spent_up
    desk.begin()
    desk.use(0.5)
    assert desk.warnings == ["this day has cost 5.5 USD; costs.stop_per_day is 3"]


def test_amounts_are_written_without_zeros_at_the_end() -> None:
    assert [money(Decimal(text)) for text in ("0.0150000", "3", "1E+2", "10.00", "0")] == [
        "0.015",
        "3",
        "100",
        "10",
        "0",
    ]


def test_a_cost_is_told_in_texts() -> None:
    event = CallCosted("c1", 0, Decimal("0.0150"), "EUR", {"nova": Decimal("0.0150")}, ("tts x",))
    assert told_cost(event) == {
        "currency": "EUR",
        "total": "0.015",
        "providers": {"nova": "0.015"},
        "unpriced": ["tts x"],
        "estimated": False,
    }
