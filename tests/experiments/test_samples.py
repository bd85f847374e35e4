from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from offhook.errors import OffhookError
from offhook.experiments.samples import moment, read_samples
from tests.experiments.calls import record, sample, write


def test_a_call_is_what_its_record_tells(tmp_path: Path) -> None:
    cost = {"currency": "USD", "total": "0.0132", "providers": {}}
    write(tmp_path, record(disposition="booked", cost=cost))
    [call] = read_samples(tmp_path).calls["tone"]
    assert call == sample(
        "calm",
        duration_s=61.5,
        disposition="booked",
        first_audio_ms=(620.0,),
        interruptions=1,
        tools=(True, False),
        cost=0.0132,
        currency="USD",
    )


@pytest.mark.parametrize("cost", [{}, {"cost": None}])
def test_costs_and_dispositions_need_not_be_there(tmp_path: Path, cost: dict[str, Any]) -> None:
    write(tmp_path, record(**cost))
    [call] = read_samples(tmp_path).calls["tone"]
    assert (call.cost, call.currency, call.disposition) == (None, "", "")


def test_calls_of_no_experiment_are_passed_over(tmp_path: Path) -> None:
    old = record()
    del old["experiment"], old["variant"]
    write(tmp_path, old, record("", experiment=""))
    samples = read_samples(tmp_path)
    assert (samples.calls, samples.unreadable, samples.unfinished) == ({}, 0, 0)


def test_a_call_without_an_end_is_counted_apart(tmp_path: Path) -> None:
    write(tmp_path, record(end_reason=None, duration_ms=None), record())
    samples = read_samples(tmp_path)
    assert (len(samples.calls["tone"]), samples.unfinished, samples.unreadable) == (1, 1, 0)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b'{"experiment": "tone", "variant"',
        b"[1, 2]",
        b"\xff\xfe",
        record(duration_ms="long"),
        record(duration_ms=None),
        record(variant=7),
        record(agent=None),
        record(turns=None),
        record(turns=["x"]),
        record(turns=[{"event": "TurnMeasured"}]),
        record(turns=[{"event": "ToolCalled"}]),
        record(cost="much"),
        record(cost={"total": "much", "currency": "USD"}),
        record(cost={"total": 1}),
        {key: value for key, value in record().items() if key != "end_reason"},
    ],
    ids=lambda bad: str(bad)[-60:],
)
def test_a_record_that_cannot_be_read_is_counted(tmp_path: Path, bad: Any) -> None:
    write(tmp_path, bad, record())
    samples = read_samples(tmp_path)
    assert (len(samples.calls["tone"]), samples.unreadable) == (1, 1)


def test_calls_from_a_moment_on(tmp_path: Path) -> None:
    days = ("2026-11-19T23:59:59.999+00:00", "2026-11-20T00:00:00.000+00:00", "2026-11-20T00:30:00.000+01:00")
    write(tmp_path, *(record(str(place), started_at=day) for place, day in enumerate(days)), record(started_at="?"))
    samples = read_samples(tmp_path, moment("2026-11-20"))
    assert [call.variant for call in samples.calls["tone"]] == ["1"]
    assert samples.unreadable == 1


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T08:30", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20T08:30+01:00", datetime(2026, 11, 20, 7, 30, tzinfo=UTC)),
        ("7d", NOW - timedelta(days=7)),
        ("1.5h", NOW - timedelta(hours=1.5)),
    ],
)
def test_times_as_people_write_them(text: str, time: datetime) -> None:
    assert moment(text, NOW) == time


@pytest.mark.parametrize("text", ["yesterday", "xd", "2026-13-01", "h", "nand", "99999999999999d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(OffhookError, match="is not a time"):
        moment(text, NOW)
