"""Records of calls of an experiment, as they lie in the folder of a server."""

from pathlib import Path
from typing import Any

import orjson

from offhook.experiments.samples import CallSample

__all__ = ["record", "sample", "write"]


def record(variant: Any = "calm", **changes: Any) -> dict[str, Any]:
    """A record of a call that was answered once, interrupted once and ran two tools, one of which failed."""
    turns: list[dict[str, Any]] = [
        {"event": "AgentSaid", "at_ms": 900, "text": "Hello.", "heard": "Hello."},
        {"event": "TurnMeasured", "at_ms": 4_000, "first_audio_ms": 620},
        {"event": "BargeIn", "at_ms": 4_400},
        {"event": "ToolCalled", "at_ms": 5_000, "name": "take_message", "error": ""},
        {"event": "ToolCalled", "at_ms": 6_000, "name": "take_message", "error": "the disk is full"},
    ]
    usual = {
        "call_id": "1",
        "agent": "reception",
        "experiment": "tone",
        "variant": variant,
        "started_at": "2026-11-20T08:00:00.000+00:00",
        "duration_ms": 61_500,
        "end_reason": "agent_hung_up",
        "turns": turns,
    }
    return {**usual, **changes}


def write(data_dir: Path, *records: dict[str, Any] | bytes) -> None:
    """Put records, or whatever else, where those of calls are."""
    folder = data_dir / "calls"
    folder.mkdir(parents=True, exist_ok=True)
    for each in records:
        content = each if isinstance(each, bytes) else orjson.dumps(each)
        (folder / f"{len(list(folder.iterdir())):04}.json").write_bytes(content)


def sample(variant: str, **changes: Any) -> CallSample:
    """A call that lasted a minute."""
    usual: dict[str, Any] = {
        "agent": "reception",
        "experiment": "tone",
        "duration_s": 60.0,
        "end_reason": "agent_hung_up",
        "disposition": "",
        "first_audio_ms": (600.0,),
        "interruptions": 0,
        "tools": (),
        "cost": None,
        "currency": "",
    }
    return CallSample(variant=variant, **{**usual, **changes})
