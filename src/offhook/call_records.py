"""Reads the records that calls leave in `<data_dir>/calls`, whatever else they may hold."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from offhook.errors import OffhookError

__all__ = ["find_record", "read_records", "transcript"]

Record = dict[str, Any]


def read_records(data_dir: Path) -> list[Record]:
    """All readable records, the latest call first."""
    records = [record for path in (data_dir / "calls").glob("*.json") if (record := _read(path)) is not None]
    return sorted(records, key=lambda record: str(record.get("started_at", "")), reverse=True)


def find_record(data_dir: Path, call_id: str) -> Record:
    """The record of a call, by its id or the beginning of it. Raises OffhookError if none or several fit."""
    found = [each for each in read_records(data_dir) if str(each.get("call_id", "")).startswith(call_id)]
    if len(found) != 1:
        problem = (
            f"no call has the id {call_id}" if not found else f"{len(found)} calls have ids that begin with {call_id}"
        )
        raise OffhookError(f"{problem}\n  `offhook calls` lists them")
    return found[0]


def transcript(record: Record) -> Iterator[tuple[int | None, str, str]]:
    """What was said, line by line: milliseconds into the call, who, and the words."""
    for turn in record.get("turns") or ():
        if not isinstance(turn, dict):
            continue
        at = turn.get("at_ms", turn.get("start_ms"))
        if "text" in turn:
            yield at, str(turn.get("role") or turn.get("who") or "?"), str(turn["text"])
        else:
            yield from ((at, who, str(turn[who])) for who in ("caller", "agent") if turn.get(who))


def _read(path: Path) -> Record | None:
    """One record; None for a file that is no record, such as one being written."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return {"call_id": path.stem, **record} if isinstance(record, dict) else None
