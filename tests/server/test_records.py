import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from offhook.events import (
    AgentChanged,
    CallCosted,
    CallEnded,
    CallerHeld,
    CallerReturned,
    CallerSaid,
    CallStarted,
    ConsultationEnded,
    DtmfReceived,
    EndReason,
    UsageReported,
)
from offhook.server.records import CallRecords

STARTED = CallStarted(
    "5f1",
    0,
    "audiosocket",
    "5f1",
    "reception",
    "127.0.0.1:40000",
    "pcm16 8000 Hz",
    "2026-03-02T09:00:00.000+00:00",
    to_number="+14155550199",
)


def test_a_call_becomes_one_file_that_grows_with_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        records = CallRecords(tmp_path, worker)
        records(STARTED)
        records.note_recording("5f1", Path("var/recordings/5f1.wav"))
        records(CallerSaid("5f1", 900, "Hello.", 100, 700, 0.9))
        worker.submit(int).result()
        [path] = tmp_path.glob("*.json")
        growing = orjson.loads(path.read_bytes())
        assert (growing["end_reason"], len(growing["turns"])) == (None, 1)
        records(CallEnded("5f1", 2000, EndReason.CALLER_HUNG_UP, "", {"underruns": 0}))
    assert path.name == "20260302T090000000-5f1.json"
    record = orjson.loads(path.read_bytes())
    assert record["recording"] == "var/recordings/5f1.wav"
    assert record["turns"] == [
        {"event": "CallerSaid", "at_ms": 900, "text": "Hello.", "start_ms": 100, "end_ms": 700, "confidence": 0.9}
    ]
    assert (record["duration_ms"], record["end_reason"]) == (2000, "caller_hung_up")
    assert (record["direction"], record["from_number"], record["to_number"]) == ("inbound", "", "+14155550199")
    assert list(tmp_path.glob("*.part")) == []


def test_events_of_unknown_calls_are_passed_over(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        CallRecords(tmp_path, worker)(DtmfReceived("other", 10, "1"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_does_not_reach_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with ThreadPoolExecutor(1) as worker:
        records = CallRecords(tmp_path, worker)
        records(STARTED)
        records(CallEnded("5f1", 20, EndReason.ERROR))
    assert list(tmp_path.glob("*.json")) == []


def test_a_caller_on_the_keys_all_day_does_not_fill_the_memory(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        records = CallRecords(tmp_path, worker)
        records(STARTED)
        for index in range(6_000):
            records(DtmfReceived("5f1", index, "1"))
        records(CallEnded("5f1", 6_000, EndReason.CALLER_HUNG_UP))
    record = orjson.loads(next(tmp_path.glob("*.json")).read_bytes())
    assert (len(record["turns"]), record["truncated"]) == (5_000, True)


def test_the_carriers_cause_is_kept_before_and_after_the_end_and_the_better_one_stands(tmp_path: Path) -> None:
    def detail(name: str) -> str:
        [path] = tmp_path.glob(f"*-{name}.json")
        told: str = orjson.loads(path.read_bytes())["end_detail"]
        return told

    with ThreadPoolExecutor(1) as worker:
        records = CallRecords(tmp_path, worker)
        for name in ("before", "after", "better"):
            records(replace(STARTED, call_id=name, carrier="vobiz", carrier_call_id=name))
        records.note_end("vobiz", "before", "NO_ANSWER 3000")
        records(CallEnded("before", 1, EndReason.CALLER_HUNG_UP, "hangup"))
        records(CallEnded("after", 1, EndReason.CALLER_HUNG_UP, "hangup"))
        records.note_end("vobiz", "after", "Normal Hangup 4000")
        records(CallEnded("better", 1, EndReason.ERROR, "a fault"))
        records.note_end("vobiz", "better", "Normal Hangup 4000")
        records.note_end("plivo", "after", "another carrier")
        records.note_end("vobiz", "unknown", "another call")
    assert [detail(name) for name in ("before", "after", "better")] == [
        "NO_ANSWER 3000",
        "Normal Hangup 4000",
        "a fault",
    ]


def test_calls_that_ended_long_ago_are_not_remembered(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        records = CallRecords(tmp_path, worker)
        for number in range(100):
            records(replace(STARTED, call_id=str(number), carrier_call_id=str(number)))
            records(CallEnded(str(number), 1, EndReason.CALLER_HUNG_UP))
        for number in range(100):
            records.note_end("audiosocket", str(number), "told")
    told = [orjson.loads(path.read_bytes())["end_detail"] for path in tmp_path.glob("*.json")]
    assert sorted(told) == [""] * 36 + ["told"] * 64


def test_what_providers_count_is_added_up(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        records = CallRecords(tmp_path, worker)
        records(STARTED)
        records(UsageReported("5f1", 900, "openai", {"audio_in": 10, "audio_out": 40}, "realtime", "mini"))
        records(UsageReported("5f1", 1_900, "openai", {"audio_out": 2}, "realtime", "mini", estimated=True))
        records(UsageReported("5f1", 2_900, "openai", {"seconds": 1.1}, "stt", "transcribe"))
        records(UsageReported("5f1", 2_950, "openai", {"seconds": 2.2}, "stt", "transcribe"))
        records(CallEnded("5f1", 3_000, EndReason.CALLER_HUNG_UP))
    [path] = tmp_path.glob("*.json")
    record = orjson.loads(path.read_bytes())
    session = {"stage": "realtime", "provider": "openai", "model": "mini"}
    words = {"stage": "stt", "provider": "openai", "model": "transcribe"}
    assert record["usage"] == [
        {**session, "used": {"audio_in": 10, "audio_out": 42}, "estimated": True},
        {**words, "used": {"seconds": 3.3}, "estimated": False},
    ]
    assert record["cost"] is None
    assert record["turns"] == []


def test_what_a_call_cost_is_in_its_record_to_the_last_digit(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        records = CallRecords(tmp_path, worker)
        records(STARTED)
        records(CallCosted("5f1", 900, Decimal("0.001"), "USD", {"openai": Decimal("0.001")}))
        shares = {"openai": Decimal("0.012345678901"), "nova": Decimal(0)}
        records(
            CallCosted("5f1", 2_900, Decimal("0.012345678901"), "USD", shares, ("stt nova (nova-3)",), estimated=True)
        )
        records(CallEnded("5f1", 3_000, EndReason.CALLER_HUNG_UP))
    [path] = tmp_path.glob("*.json")
    assert orjson.loads(path.read_bytes())["cost"] == {
        "currency": "USD",
        "total": "0.012345678901",
        "providers": {"openai": "0.012345678901", "nova": "0"},
        "unpriced": ["stt nova (nova-3)"],
        "estimated": True,
    }


def test_what_was_done_to_a_call_and_the_word_on_how_it_went(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        records = CallRecords(tmp_path, worker)
        records(replace(STARTED, consults_for="other"))
        records(CallerHeld("5f1", 100))
        records(ConsultationEnded("5f1", 900, "asked-1", "sales", "+15550100", "declined"))
        records(CallerReturned("5f1", 900))
        records(AgentChanged("5f1", 950, "asked", "es", ("language", "voice")))
        records(CallEnded("5f1", 2000, EndReason.AGENT_HUNG_UP, "", {}, "callback", "Will call again."))
    [path] = tmp_path.glob("*.json")
    record = orjson.loads(path.read_bytes())
    assert (record["consults_for"], record["consultations"]) == ("other", ["asked-1"])
    assert (record["disposition"], record["summary"]) == ("callback", "Will call again.")
    assert [each["event"] for each in record["turns"]] == [
        "CallerHeld",
        "ConsultationEnded",
        "CallerReturned",
        "AgentChanged",
    ]
    assert record["turns"][1]["outcome"] == "declined"
    assert record["turns"][3]["changed"] == ["language", "voice"]
