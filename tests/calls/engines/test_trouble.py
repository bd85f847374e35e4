from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from offhook.audio.formats import PCM_8K
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.playout import Playout
from offhook.calls.tools.base import ToolContext
from offhook.errors import ProviderError
from offhook.events import CallEvent, CallTrouble
from offhook.providers.llm.base import CallFacts


@pytest.mark.parametrize(("error", "logged"), [(ProviderError("is down", provider="x"), 0), (ValueError("oops"), 1)])
def test_a_trouble_is_told_and_a_fault_of_ours_is_logged_too(error: Exception, logged: int) -> None:
    events: list[CallEvent] = []
    begun = datetime(2026, 3, 2, tzinfo=UTC)
    playout, context = Playout(PCM_8K, send=lambda frame: None), ToolContext("call-1", "", Path(), lambda: begun)
    facts = CallFacts("call-1", "a", "", begun)
    call = CallHandle(facts, playout, lambda: 40, events.append, lambda reason, detail: None, context)
    with capture_logs() as logs:
        report_trouble(call, "speech", error)
    assert events == [CallTrouble("call-1", 40, "speech", str(error))]
    assert len(logs) == logged
