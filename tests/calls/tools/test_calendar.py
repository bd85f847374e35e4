import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest

from offhook.calls.tools import files
from offhook.calls.tools.calendar import BookAppointment, CheckAvailability
from offhook.errors import ToolError
from offhook.providers.llm.flow import load_facts
from offhook.providers.llm.flow.facts import Facts
from tests.calls.tools.conftest import MONDAY, Calls

_FACTS = load_facts()
_TUESDAY = "2026-03-03"


async def _check(calls: Calls, facts: Facts = _FACTS, **arguments: str) -> Mapping[str, Any]:
    result: Mapping[str, Any] = await CheckAvailability(facts)(arguments, calls.context())
    return result


async def _book(calls: Calls, time: str, call_id: str = "call-1", day: str = _TUESDAY, facts: Facts = _FACTS) -> str:
    result = await BookAppointment(facts)({"date": day, "time": time, "name": "Tom"}, calls.context(call_id))
    return str(result["status"])


async def test_a_free_day(calls: Calls) -> None:
    result = await _check(calls, date=_TUESDAY)
    assert result["status"] == "free"
    assert result["free"][0] == "08:00"
    assert result["free"][-1] == "17:00"


async def test_a_part_of_the_day(calls: Calls) -> None:
    assert (await _check(calls, date=_TUESDAY, part="morning"))["free"] == ["08:00", "09:00", "10:00", "11:00"]
    assert (await _check(calls, date="2026-03-07", part="evening"))["free"][0] == "09:00"


async def test_today_begins_after_the_lead_time(calls: Calls) -> None:
    assert (await _check(calls, date="2026-03-02"))["free"][0] == "11:00"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"date": _TUESDAY, "time": "10:30"}, {"status": "available"}),
        ({"date": _TUESDAY, "time": "17:30"}, {"status": "taken", "free": ["15:00", "16:00", "17:00"]}),
        ({"date": "2026-03-08"}, {"status": "closed", "next": "2026-03-09"}),
        ({"date": "2026-03-01"}, {"status": "past"}),
        ({"date": "2026-05-02"}, {"status": "too_far", "last": "2026-05-01"}),
    ],
)
async def test_statuses(calls: Calls, arguments: dict[str, str], expected: dict[str, Any]) -> None:
    assert expected.items() <= (await _check(calls, _FACTS, **arguments)).items()


async def test_booking_takes_the_time(calls: Calls) -> None:
    assert await _book(calls, "10:00") == "booked"
    assert await _book(calls, "10:30", "call-2") == "taken"
    assert await _book(calls, "11:00", "call-2") == "booked"
    kept = orjson.loads((calls.data_dir / "calendar.json").read_bytes())
    assert [entry["time"] for entry in kept] == ["10:00:00", "11:00:00"]
    assert kept[0]["made_at"] == MONDAY.isoformat(timespec="seconds")


async def test_the_same_booking_of_the_same_call_is_made_once(calls: Calls) -> None:
    assert [await _book(calls, "10:00"), await _book(calls, "10:00")] == ["booked", "booked"]
    assert len(orjson.loads((calls.data_dir / "calendar.json").read_bytes())) == 1


async def test_a_full_day(calls: Calls) -> None:
    for hour in range(8, 18):
        await _book(calls, f"{hour:02d}:00")
    assert (await _check(calls, date=_TUESDAY))["status"] == "full"
    assert (await _check(calls, date=_TUESDAY))["next"] == "2026-03-04"


async def test_two_at_once(calls: Calls) -> None:
    facts = _FACTS.model_copy(update={"calendar": _FACTS.calendar.model_copy(update={"at_once": 2})})
    statuses = [await _book(calls, "10:00", f"call-{place}", facts=facts) for place in range(3)]
    assert statuses == ["booked", "booked", "taken"]


async def test_never_two_callers_in_one_slot(calls: Calls) -> None:
    statuses = await asyncio.gather(*(_book(calls, "10:00", f"call-{place}") for place in range(20)))
    assert sorted(statuses) == ["booked"] + ["taken"] * 19


async def test_not_beyond_the_calendar_nor_when_closed(calls: Calls) -> None:
    assert await _book(calls, "10:00", day="2027-03-02") == "unavailable"
    assert await _book(calls, "10:00", day="2026-03-08") == "unavailable"


async def test_a_damaged_file_is_left_as_it_is(calls: Calls) -> None:
    calls.data_dir.mkdir()
    path = calls.data_dir / "calendar.json"
    path.write_text('[{"date": ')
    for work in (_check(calls, date=_TUESDAY), _book(calls, "10:00")):
        with pytest.raises(ToolError, match="cannot be read"):
            await work
    assert path.read_text() == '[{"date": '


async def test_a_full_disk_keeps_the_old_calendar(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    await _book(calls, "10:00")
    before = (calls.data_dir / "calendar.json").read_bytes()

    def full(_: int, __: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_keep", full)
    with pytest.raises(ToolError, match="No space left"):
        await _book(calls, "11:00")
    assert (calls.data_dir / "calendar.json").read_bytes() == before
    assert not (calls.data_dir / "calendar.json.new").exists()


async def test_a_folder_that_cannot_be(calls: Calls) -> None:
    calls.data_dir.write_text("a file in its place")
    with pytest.raises(ToolError, match="calendar cannot be used"):
        await _check(calls, date=_TUESDAY)


async def test_hours_of_its_own(calls: Calls) -> None:
    rules = {"hours": {"tuesday": "10:00-12:00"}, "slot_minutes": 30}
    facts = Facts.model_validate({"business": {"name": "X"}, "calendar": rules})
    assert (await _check(calls, facts, date=_TUESDAY))["free"] == ["10:00", "10:30", "11:00", "11:30"]


async def test_the_next_free_day_lies_within_the_calendar(calls: Calls) -> None:
    facts = Facts.model_validate({"business": {"name": "X"}})
    assert (await _check(calls, facts, date=(MONDAY + timedelta(days=1)).date().isoformat()))["next"] is None
