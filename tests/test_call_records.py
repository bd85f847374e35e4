from pathlib import Path

import pytest

from offhook.call_records import read_records, scan_records, shown_cost, transcript


def test_a_transcript_is_what_was_heard_in_the_order_in_which_it_began() -> None:
    record = {
        "turns": [
            {"event": "AgentSaid", "at_ms": 900, "start_ms": 0, "heard": "Hello.", "interrupted": False},
            {"event": "CallerSaid", "at_ms": 3000, "start_ms": 2000, "text": "Stop."},
            {"event": "AgentSaid", "at_ms": 2400, "start_ms": 1500, "heard": "We open", "interrupted": True},
            {"event": "AgentSaid", "at_ms": 2500, "start_ms": 2450, "heard": "", "interrupted": True},
            {"event": "DtmfReceived", "at_ms": 4000, "digit": "4"},
            {"event": "DtmfReceived", "at_ms": 4200, "digit": "1"},
            {"event": "ToolCalled", "at_ms": 5000, "name": "look_up", "error": "", "result": "{}"},
            {"event": "TurnMeasured", "at_ms": 5100},
            "not an entry",
        ]
    }
    assert list(transcript(record)) == [
        (0, "agent", "Hello."),
        (1500, "agent", "We open — (interrupted)"),
        (2000, "caller", "Stop."),
        (4000, "keys", "41"),
        (5000, "tool", "look_up {}"),
    ]
    assert list(transcript({})) == []


def test_records_that_cannot_be_read_are_counted_by_those_who_scan(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    for name, content in (("1", '{"started_at": "1"}'), ("2", "{"), ("3", '{"started_at": "2"}'), ("4", "[]")):
        (calls / f"{name}.json").write_text(content)
    assert [record and record["call_id"] for record in scan_records(tmp_path)] == ["1", None, "3", None]
    assert [record["call_id"] for record in read_records(tmp_path)] == ["3", "1"]


@pytest.mark.parametrize(
    ("cost", "short", "whole"),
    [
        (None, "", ""),
        ("broken", "", ""),
        ({"total": None}, "", ""),
        ({"total": "0.0151234", "currency": "USD"}, "0.0151", "0.0151234 USD"),
        ({"total": "2.5", "currency": "EUR", "unpriced": ["a", "b"]}, "2.5000+", "2.5+ EUR (no price of a, b)"),
        ({"total": "0", "currency": "USD", "unpriced": ["a"]}, "?", "?"),
    ],
)
def test_what_a_call_cost_is_shown_short_or_whole(cost: object, short: str, whole: str) -> None:
    assert (shown_cost(cost), shown_cost(cost, whole=True)) == (short, whole)
