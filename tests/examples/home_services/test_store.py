import datetime as dt
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from backend.shapes import Lead, Query, Text
from backend.store import Store
from tests.examples.home_services.conftest import NOW, TUESDAY, visit


def query(day: str, service: str = "heating", **more: str) -> Query:
    return Query.model_validate({"date": day, "service_type": service, **more})


def rows(store: Store, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.everything()[table]
    return found


@pytest.mark.parametrize("phone", ["15550142", "5550142", "4415550142"])
def test_a_customer_is_found_with_the_country_and_without(store: Store, phone: str) -> None:
    assert store.customer(phone)["name"] == "Robert Hill"


@pytest.mark.parametrize("phone", ["", "50142", "15550143"])
def test_who_is_unknown(store: Store, phone: str) -> None:
    assert store.customer(phone) == {"status": "unknown"}
    assert store.history(phone) == {"status": "unknown", "visits": [], "leads": []}


def test_a_number_that_two_customers_end_with_is_nobody_s(store: Store) -> None:
    store.book(visit(phone_number="445550142"), None)
    assert store.customer("5550142") == {"status": "unknown"}
    assert store.customer("15550142")["name"] == "Robert Hill"


def test_the_history_tells_the_last_visit_that_was(store: Store) -> None:
    store.book(visit(phone_number="5550142"), None)
    history = store.history("5550142")
    assert (history["status"], history["last_service"]) == ("known", "electrical")
    assert history["last_visit"] == (NOW.date() - dt.timedelta(days=120)).isoformat()
    assert [each["service"] for each in history["visits"]] == ["heating", "electrical"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (query("2026-03-01"), {"status": "past"}),
        (query("2026-03-02"), {"status": "free", "free": ["10:00", "12:00", "14:00", "16:00", "18:00"]}),
        (query(TUESDAY, part="morning"), {"status": "free", "free": ["08:00", "10:00"]}),
        (query("2026-03-08"), {"status": "closed", "next": "2026-03-09"}),
        (query("2026-05-02"), {"status": "too_far", "last": "2026-05-01"}),
        (query(TUESDAY, "drainage", postcode="N1 9GU"), {"status": "not_covered"}),
        (query(TUESDAY, "drainage", postcode="sw4", part="evening"), {"status": "free", "free": ["18:00"]}),
    ],
)
def test_when_somebody_can_come(store: Store, asked: Query, told: dict[str, Any]) -> None:
    assert store.availability(asked) == {"date": asked.date.isoformat(), **told}


def test_a_full_day_tells_the_next_one(store: Store) -> None:
    for number, start in enumerate(("08:00", "10:00", "12:00", "14:00", "16:00", "18:00")):
        asked = visit(service_type="drainage", preferred_time=start, phone_number=f"777000{number}")
        assert store.book(asked, None)["status"] == "booked"
    told = store.availability(query(TUESDAY, "drainage"))
    assert told == {"date": TUESDAY, "status": "full", "next": "2026-03-04"}
    assert store.book(visit(service_type="drainage"), None) == {"status": "full", "next": "2026-03-04"}


def test_a_part_of_the_day_is_its_first_free_start(store: Store) -> None:
    first = store.book(visit(service_type="drainage", preferred_time="morning"), None)
    second = store.book(visit(service_type="drainage", preferred_time="morning", phone_number="7770001"), None)
    third = store.book(visit(service_type="drainage", preferred_time="morning", phone_number="7770002"), None)
    assert (first["time"], second["time"], third["status"]) == ("08:00", "10:00", "taken")
    assert third["free"] == ["12:00", "14:00", "16:00", "18:00"]


def test_the_postcode_of_the_address_decides_who_comes(store: Store) -> None:
    assert store.book(visit(address="1 High Street, E8 2BB"), None)["status"] == "booked"
    assert rows(store, "visits")[-1]["technician"] == 2
    assert store.book(visit(service_type="drainage", address="1 High Street, n1 9gu"), None) == {
        "status": "not_covered"
    }


def test_of_two_who_want_the_last_place_one_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "company.sqlite3"
    stores = [Store(path, lambda: NOW, wait_s=30) for _ in range(8)]
    asked = [visit(service_type="drainage", phone_number=f"777000{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as callers:
        told = list(callers.map(lambda store, each: store.book(each, None), stores, asked))
    assert sorted(each["status"] for each in told) == ["booked"] + ["taken"] * 7
    assert len([each for each in rows(stores[0], "visits") if each["day"] == TUESDAY]) == 1


def test_the_same_request_at_the_same_time_is_one_visit(tmp_path: Path) -> None:
    path = tmp_path / "company.sqlite3"
    stores = [Store(path, lambda: NOW, wait_s=30) for _ in range(8)]
    with ThreadPoolExecutor(8) as callers:
        told = list(callers.map(lambda store: store.book(visit(), "call-1-tool-1"), stores))
    assert len({each["reference"] for each in told}) == 1
    assert len([each for each in rows(stores[0], "visits") if each["day"] == TUESDAY]) == 1


def test_the_same_visit_in_another_request_is_one_visit(store: Store) -> None:
    first = store.book(visit(), "call-1-tool-1")
    assert store.book(visit(), "call-1-tool-2") == first
    assert store.book(visit(preferred_time="morning"), "call-1-tool-3") == first
    assert store.book(visit(preferred_time="12:00"), "call-1-tool-4")["reference"] != first["reference"]


def test_a_lead_and_a_text_are_kept_once(store: Store) -> None:
    lead = Lead(
        caller_name="Ann Lee",
        phone_number="+1 555 0142",
        service_needed="A burst pipe",
        urgency="emergency",
        address="3 Station Street",
    )
    text = Text(phone_number="5550199", message="You are booked.")
    assert store.lead(lead, "a")["status"] == "created"
    assert store.lead(lead, "a") == store.lead(lead, "a")
    assert [store.text(text, key)["reference"] for key in ("a", "a", "b")] == ["T-1", "T-1", "T-2"]
    assert [each["urgency"] for each in rows(store, "leads")] == ["emergency"]
    assert len(rows(store, "texts")) == 2
    assert store.history("15550142")["leads"][0]["service"] == "A burst pipe"


def test_a_locked_file_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "company.sqlite3"
    store = Store(path, lambda: NOW, wait_s=0.05)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        store.book(visit(), "a")
    other.rollback()
    other.close()
    assert store.book(visit(), "a")["status"] == "booked"


def test_what_is_there_stays_when_it_is_opened_again(store: Store, tmp_path: Path) -> None:
    store.book(visit(), None)
    again = Store(tmp_path / "data" / "company.sqlite3", lambda: NOW)
    assert again.everything() == store.everything()
