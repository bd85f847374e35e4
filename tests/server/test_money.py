from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offhook.config import Settings
from offhook.costs.ledger import day_of
from offhook.costs.ledger_file import LEDGER, LedgerFile
from offhook.errors import ConfigError
from offhook.events import CallEnded, CallEvent, CallTrouble, EndReason, UsageReported
from offhook.providers.standby import Watched
from offhook.providers.usage import Usage
from offhook.server.money import bookkeeping
from tests.costs.test_prices import DATED
from tests.server.test_records import STARTED

VOICE = {"provider": "elevenlabs", "kind": "tts", "unit": "1k characters", "price": 1, **DATED}


def settings(folder: Path, **costs: Any) -> Settings:
    tree = {"server": {"data_dir": folder}, "prices": [VOICE], "costs": {"timezone": "UTC", **costs}}
    return Settings.model_validate(tree)


def spoken(characters: int) -> UsageReported:
    return UsageReported("5f1", 100, "elevenlabs", {"characters": characters}, "tts", "flash")


def test_a_call_is_priced_and_stopped_and_all_of_it_is_in_the_ledger(tmp_path: Path) -> None:
    told: list[CallEvent] = []
    stopped: list[str] = []
    wanted = settings(tmp_path, stop_per_call=1)
    with bookkeeping(wanted, emit=told.append, stop=stopped.append) as money:
        money.prepared(Watched(object(), "elevenlabs", model="flash"), Usage(characters=250, seconds=3))
        assert money.cost_of("5f1") is None
        money.books(STARTED)
        money.books(spoken(600))
        assert (money.cost_of("5f1") or {})["total"] == "0.6"
        money.books(spoken(600))
        money.books(CallEnded("5f1", 9_000, EndReason.COST_LIMIT))
    assert stopped == ["5f1"]
    assert [event.what for event in told if isinstance(event, CallTrouble)] == ["cost"]
    today = day_of(wanted.costs, datetime.now(UTC))
    entries = LedgerFile(tmp_path / LEDGER).read(today, today)
    assert sorted((entry.agent, str(entry.cost.normalize())) for entry in entries) == [
        ("", "0.25"),
        ("reception", "1.2"),
    ]


def test_the_next_start_knows_what_was_spent_today(tmp_path: Path) -> None:
    wanted = settings(tmp_path, stop_per_day=1)
    with bookkeeping(wanted, emit=lambda _: None, stop=lambda _: None) as money:
        money.books(STARTED)
        money.books(spoken(1_000))
        assert money.books.spent_up
    with bookkeeping(wanted, emit=lambda _: None, stop=lambda _: None) as money:
        assert money.books.spent_up


def test_a_ledger_that_is_damaged_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_bytes(b"x" * 5_000)
    with (
        pytest.raises(ConfigError, match="the ledger of costs"),
        bookkeeping(settings(tmp_path), emit=lambda _: None, stop=lambda _: None),
    ):
        pytest.fail("it must not begin")
