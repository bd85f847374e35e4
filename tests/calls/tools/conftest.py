"""A call for tools to be used in."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offhook.calls.tools.base import ToolContext

MONDAY = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


@dataclass
class Calls:
    """Makes contexts that share a data folder."""

    data_dir: Path

    def context(self, call_id: str = "call-1", now: datetime = MONDAY) -> ToolContext:
        return ToolContext(call_id, "4155550199", self.data_dir, lambda: now)


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    return Calls(tmp_path / "data")
