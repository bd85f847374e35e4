"""Call records: one JSON file a call, rewritten as the call goes on, so that a killed process leaves what it knew."""

import re
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import structlog

from offhook.costs.bookkeeper import told_cost
from offhook.events import (
    AgentChanged,
    AgentSaid,
    BargeIn,
    CallCosted,
    CallEnded,
    CallerHeld,
    CallerReturned,
    CallerSaid,
    CallEvent,
    CallStarted,
    CallTrouble,
    ConsultationEnded,
    DtmfReceived,
    EndReason,
    ToolCalled,
    TurnMeasured,
    UsageReported,
)

__all__ = ["CallRecords"]

log = structlog.get_logger(__name__)

_KEPT = (
    AgentChanged,
    CallerSaid,
    AgentSaid,
    ToolCalled,
    BargeIn,
    DtmfReceived,
    CallTrouble,
    TurnMeasured,
    CallerHeld,
    CallerReturned,
)
_MOST_ENTRIES = 5_000
_MOST_ENDED = 64


class CallRecords:
    """Listens to the events of all calls and keeps a file for each in `folder`. Writes in `worker`."""

    def __init__(self, folder: Path, worker: Executor):
        self._folder = folder
        self._worker = worker
        self._open: dict[str, dict[str, Any]] = {}
        self._ended: dict[str, dict[str, Any]] = {}

    def note_recording(self, call_id: str, path: Path) -> None:
        """The call is being recorded to `path`."""
        if call_id in self._open:
            self._open[call_id]["recording"] = str(path)
            self._save(self._open[call_id])

    def note_end(self, carrier: str, carrier_call_id: str, detail: str) -> None:
        """The carrier says why a call ended, before or not long after its end.

        It knows best why a caller was gone; where we ended the call, our own detail stands.
        """
        for record in (*self._open.values(), *self._ended.values()):
            ours = record["end_detail"] and record["end_reason"] != EndReason.CALLER_HUNG_UP
            if detail and not ours and (record["carrier"], record["carrier_call_id"]) == (carrier, carrier_call_id):
                record["end_detail"] = detail
                self._save(record)

    def __call__(self, event: CallEvent) -> None:
        """Take an event."""
        if isinstance(event, CallStarted):
            self._open[event.call_id] = _opened(event)
        record = self._open.get(event.call_id)
        if record is None:
            return
        if self._take(record, event):
            self._save(record)
        if isinstance(event, CallEnded):
            self._ended[event.call_id] = self._open.pop(event.call_id)
            if len(self._ended) > _MOST_ENDED:
                del self._ended[next(iter(self._ended))]

    def _take(self, record: dict[str, Any], event: CallEvent) -> bool:
        """Put the event into the record; true if that is worth a write now."""
        match event:
            case CallStarted():
                return True
            case CallEnded():
                record["duration_ms"] = event.at_ms
                record["end_reason"] = event.reason.value
                if event.reason is not EndReason.CALLER_HUNG_UP or not record["end_detail"]:
                    record["end_detail"] = event.detail or record["end_detail"]
                record["counters"] = dict(event.counters)
                record["disposition"], record["summary"] = event.disposition, event.summary
                return True
            case UsageReported():
                _count(record["usage"], event)
            case CallCosted():
                record["cost"] = told_cost(event)
            case ConsultationEnded():
                record["consultations"].append(event.consultation)
                self._append(record, event)
                return True
            case _ if isinstance(event, _KEPT):
                self._append(record, event)
                return isinstance(event, CallerSaid | AgentSaid | ToolCalled)
        return False

    def _append(self, record: dict[str, Any], event: CallEvent) -> None:
        if len(record["turns"]) >= _MOST_ENTRIES:
            record["truncated"] = True
            return
        entry = asdict(event)
        del entry["call_id"]
        record["turns"].append({"event": type(event).__name__, **entry})

    def _save(self, record: dict[str, Any]) -> None:
        content = orjson.dumps(record, option=orjson.OPT_INDENT_2, default=str)
        self._worker.submit(self._write, self._path(record), content)

    def _path(self, record: dict[str, Any]) -> Path:
        stamp = re.sub(r"[-:.]", "", record["started_at"][:23])
        return self._folder / f"{stamp}-{record['call_id']}.json"

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(".part")
            half.write_bytes(content)
            half.replace(path)
        except OSError as error:
            log.error("a call record could not be written", path=str(path), error=str(error))  # noqa: TRY400


def _opened(event: CallStarted) -> dict[str, Any]:
    return {
        "call_id": event.call_id,
        "carrier": event.carrier,
        "carrier_call_id": event.carrier_call_id,
        "agent": event.agent,
        "experiment": event.experiment,
        "variant": event.variant,
        "peer": event.peer,
        "direction": event.direction,
        "from_number": event.from_number,
        "to_number": event.to_number,
        "audio_format": event.audio_format,
        "started_at": event.started_at,
        "duration_ms": None,
        "end_reason": None,
        "end_detail": "",
        "disposition": "",
        "summary": "",
        "consults_for": event.consults_for,
        "consultations": [],
        "recording": None,
        "usage": [],
        "cost": None,
        "turns": [],
    }


def _count(usage: list[dict[str, Any]], event: UsageReported) -> None:
    """Add what a provider was used for to what it was used for in this call before."""
    named = {"stage": event.stage, "provider": event.provider, "model": event.model}
    line = next((each for each in usage if named.items() <= each.items()), None)
    if line is None:
        line = {**named, "used": {}, "estimated": False}
        usage.append(line)
    line["estimated"] |= event.estimated
    for kind, number in event.used.items():
        line["used"][kind] = round(line["used"].get(kind, 0) + number, 3)
