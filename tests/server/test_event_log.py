from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from offhook.events import AgentChanged, CallCosted, CallEnded, CallerSaid, CallEvent, EndReason
from offhook.server.event_log import EventLog

ENDED = CallEnded("c1", 9_000, EndReason.CALLER_HUNG_UP)


def lines(*events: CallEvent, transcripts: bool = True) -> list[Any]:
    log = EventLog(transcripts=transcripts)
    with capture_logs() as written:
        for event in events:
            log(event)
    return written


def test_the_line_of_a_calls_end_has_its_cost() -> None:
    first = CallCosted("c1", 100, Decimal("0.001"), "USD", {})
    last = CallCosted("c1", 200, Decimal("0.0150"), "USD", {}, ("tts x",))
    [line] = lines(first, last, CallCosted("c2", 200, Decimal(7), "USD", {}), ENDED)
    assert (line["event"], line["cost"], line["unpriced"]) == ("call ended", "0.015 USD", "tts x")


def test_a_call_of_which_no_cost_was_told_has_none() -> None:
    [line] = lines(ENDED)
    assert "cost" not in line


@pytest.mark.parametrize(("transcripts", "text"), [(True, "My number is 5."), (False, "(4 words)")])
def test_words_are_written_only_if_they_may_be(transcripts: bool, text: str) -> None:
    [line] = lines(CallerSaid("c1", 900, "My number is 5.", 100, 700, 0.9), transcripts=transcripts)
    assert line["text"] == text


def test_a_changed_agent_is_told() -> None:
    [line] = lines(AgentChanged("c1", 900, "heard", "es", ("language",)))
    assert (line["event"], line["because"], line["language"]) == ("agent changed", "heard", "es")
