"""The calls of experiments, read from their records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from offhook.call_records import scan_records
from offhook.errors import OffhookError

__all__ = ["CallSample", "Samples", "moment", "read_samples"]

_UNITS = {"d": "days", "h": "hours"}


@dataclass(frozen=True, slots=True)
class CallSample:
    """What one call counts for. `first_audio_ms` are the caller's waits, one a turn; `tools` whether each worked."""

    agent: str
    experiment: str
    variant: str
    duration_s: float
    end_reason: str
    disposition: str
    first_audio_ms: tuple[float, ...]
    interruptions: int
    tools: tuple[bool, ...]
    cost: float | None
    currency: str


@dataclass(slots=True)
class Samples:
    """Calls by experiment, and how many were left out: records that cannot be read, and calls without an end."""

    calls: dict[str, list[CallSample]] = field(default_factory=dict)
    unreadable: int = 0
    unfinished: int = 0


def read_samples(data_dir: Path, since: datetime | None = None) -> Samples:
    """The calls of all experiments that began at `since` or later."""
    samples = Samples()
    for record in scan_records(data_dir):
        try:
            _take(samples, record, since)
        except (KeyError, TypeError, ValueError, AttributeError):
            samples.unreadable += 1
    return samples


def moment(text: str, now: datetime | None = None) -> datetime:
    """A time as people write it: 2026-11-21, 2026-11-21T08:00, or 7d and 24h for so long ago. Raises OffhookError."""
    try:
        if text[-1:] in _UNITS:
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[text[-1]]: float(text[:-1])})
        return _aware(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise OffhookError(f"{text} is not a time\n  write it as in 2026-11-21, 2026-11-21T08:00, 7d or 24h") from error


def _take(samples: Samples, record: Mapping[str, Any] | None, since: datetime | None) -> None:
    if record is None:
        samples.unreadable += 1
    elif record.get("experiment"):
        if since is not None and _aware(datetime.fromisoformat(record["started_at"])) < since:
            return
        if record["end_reason"] is None:
            samples.unfinished += 1
        else:
            sample = _sample(record)
            samples.calls.setdefault(sample.experiment, []).append(sample)


def _sample(record: Mapping[str, Any]) -> CallSample:
    turns = [turn for turn in record["turns"] if turn.get("event")]
    cost = record.get("cost") or {}
    return CallSample(
        agent=_text(record["agent"]),
        experiment=_text(record["experiment"]),
        variant=_text(record["variant"]),
        duration_s=float(record["duration_ms"]) / 1000,
        end_reason=_text(record["end_reason"]),
        disposition=_text(record.get("disposition") or ""),
        first_audio_ms=tuple(float(turn["first_audio_ms"]) for turn in turns if turn["event"] == "TurnMeasured"),
        interruptions=sum(turn["event"] == "BargeIn" for turn in turns),
        tools=tuple(not turn["error"] for turn in turns if turn["event"] == "ToolCalled"),
        cost=float(cost["total"]) if cost else None,
        currency=_text(cost["currency"]) if cost else "",
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
