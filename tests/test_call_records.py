from offhook.call_records import transcript


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
