import asyncio

from offhook.calls.engines.early_events import EarlyEvents
from offhook.errors import ProviderError
from offhook.providers.llm.base import ToolCall
from offhook.providers.realtime.base import RealtimeEvents, Usage
from tests.providers.realtime.listening import Told

DEAD = ProviderError("died", provider="x", retryable=True)


def everything(events: RealtimeEvents) -> None:
    """All that a session may tell, in an order that it might have."""
    events.on_ready()
    events.on_expiring(60.0)
    events.on_speech_started("c", 100)
    events.on_speech_stopped("c", 900)
    events.on_caller_said("c", "Hello?", True)
    events.on_agent_text("a", "Hello.", False)
    events.on_audio("a", b"\x01\x02")
    events.on_item_done("a")
    events.on_tool_call(ToolCall("t", "look", {}))
    events.on_response_done("completed", "")
    events.on_interrupted()
    events.on_usage(Usage(text_in=3))
    events.on_failed(DEAD)


async def test_what_happened_before_somebody_listens_is_told_in_order_and_then_all() -> None:
    straight, early, late = Told(), EarlyEvents(lambda error: None), Told()
    for _ in range(2):
        everything(straight)
    everything(early)
    early.tell(late)
    assert late.events == [], "nothing is told from within"
    await asyncio.sleep(0)
    everything(early)
    assert vars(late) == vars(straight)


async def test_a_death_that_nobody_listens_to_is_known() -> None:
    deaths: list[ProviderError] = []
    early = EarlyEvents(deaths.append)
    early.on_failed(DEAD)
    assert (deaths, early.failed) == ([DEAD], DEAD)


async def test_signs_are_for_those_who_wait() -> None:
    early, told = EarlyEvents(lambda error: None), Told()
    early.on_sign()
    early.tell(told)
    await asyncio.sleep(0)
    assert told.signs == 0
    early.on_sign()
    assert told.signs == 1
