"""The company's system on a day that does not change: Monday, the 2nd of March 2026, a quarter past nine."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from backend.shapes import Visit
from backend.store import Store

NOW = dt.datetime(2026, 3, 2, 9, 15)
TUESDAY = "2026-03-03"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data" / "company.sqlite3", lambda: NOW)


def visit(**other: Any) -> Visit:
    usual = {
        "customer_name": "Tom Baker",
        "phone_number": "5550199",
        "service_type": "heating",
        "preferred_date": TUESDAY,
        "preferred_time": "10:00",
        "address": "12 Garden Road",
    }
    return Visit.model_validate(usual | other)
