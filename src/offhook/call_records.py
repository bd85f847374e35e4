"""Reads the records that calls leave in `<data_dir>/calls`, whatever else they may hold."""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from typing import Any

from offhook.errors import OffhookError

__all__ = ["find_record", "read_records", "scan_records", "shown_cost", "transcript"]

Record = dict[str, Any]


def read_records(data_dir: Path) -> list[Record]:
    """All readable records, the latest call first."""
    records = [record for record in scan_records(data_dir) if record is not None]
    return sorted(records, key=lambda record: str(record.get("started_at", "")), reverse=True)


def scan_records(data_dir: Path) -> Iterator[Record | None]:
    """All records in the order of their files; None for one that cannot be read."""
    for path in sorted((data_dir / "calls").glob("*.json")):
        yield _read(path)


def find_record(data_dir: Path, call_id: str) -> Record:
    """The record of a call, by its id or the beginning of it. Raises OffhookError if none or several fit."""
    found = [each for each in read_records(data_dir) if str(each.get("call_id", "")).startswith(call_id)]
    if len(found) != 1:
        problem = (
            f"no call has the id {call_id}" if not found else f"{len(found)} calls have ids that begin with {call_id}"
        )
        raise OffhookError(f"{problem}\n  `offhook calls` lists them")
    return found[0]


def transcript(record: Record) -> Iterator[tuple[int, str, str]]:
    """What was said, line by line: milliseconds into the call at which it began, who, and the words.

    An interrupted agent has said what was heard. Keys that follow one another are one line.
    """
    lines = [line for turn in record.get("turns") or () if isinstance(turn, dict) and (line := _line(turn))]
    lines.sort(key=lambda line: line[0])
    for (who, _), group in groupby(lines, key=lambda line: (line[1], line[1] == "keys" or line[0])):
        spoken = list(group)
        yield spoken[0][0], who, "".join(words for _, _, words in spoken)


def shown_cost(cost: object, *, whole: bool = False) -> str:
    """What a call cost, for people to read: cut to what they pay, or `whole`. A + means that there was more, of
    which no price is known; a call of which nothing is known has cost "?"."""
    if not isinstance(cost, dict):
        return ""
    more = "+" if cost.get("unpriced") else ""
    try:
        total = Decimal(str(cost.get("total")))
    except InvalidOperation:
        return ""
    if more and not total:
        return "?"
    if not whole:
        return f"{total:.4f}{more}"
    unpriced = f" (no price of {', '.join(map(str, cost.get('unpriced') or ()))})" if more else ""
    return f"{total.normalize():f}{more} {cost.get('currency')}{unpriced}"


def _line(turn: Record) -> tuple[int, str, str] | None:
    begin: int = turn["start_ms"] if "start_ms" in turn else turn.get("at_ms", 0)
    match turn.get("event"):
        case "CallerSaid":
            return begin, "caller", str(turn.get("text", ""))
        case "AgentSaid" if turn.get("heard"):
            return begin, "agent", str(turn["heard"]) + (" — (interrupted)" if turn.get("interrupted") else "")
        case "DtmfReceived":
            return begin, "keys", str(turn.get("digit", ""))
        case "ToolCalled":
            return begin, "tool", f"{turn.get('name')} {turn.get('error') or turn.get('result')}"
        case "CallTrouble":
            return begin, "trouble", f"{turn.get('what')}: {turn.get('detail')}"
    return None


def _read(path: Path) -> Record | None:
    """One record; None for a file that is no record, such as one being written."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return {"call_id": path.stem, **record} if isinstance(record, dict) else None
