from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offhook.calls.change import Change
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.manner import Manner, tell_change
from offhook.calls.tools.base import Tool, ToolContext
from offhook.config import AgentSettings
from offhook.errors import ToolError
from offhook.events import AgentChanged, CallEvent
from offhook.providers.llm.base import CallFacts
from tests.calls.languages import bilingual, paper_tool
from tests.calls.lines import Line

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class PaperParts:
    agent: AgentSettings
    tools: Iterable[Tool] = ()
    instructions: str | None = None
    languages: dict[str, Any] = field(default_factory=dict)
    voice_names: tuple[str, ...] = ("soft",)


def handle(events: list[CallEvent] | None = None) -> CallHandle:
    facts = CallFacts("call-1", "reception", "Be kind.", NOW, variables={"name": "Ann"})
    context = ToolContext("call-1", "", Path(), lambda: NOW)
    told: list[CallEvent] = [] if events is None else events
    return CallHandle(facts, Line().playout, lambda: 40, told.append, lambda reason, detail: None, context)


def manner() -> Manner[PaperParts]:
    agent = bilingual()
    languages: dict[str, Any] = {}
    languages["en"] = PaperParts(agent, (paper_tool("look_up"), paper_tool("end_call")), None, languages)
    languages["es"] = PaperParts(
        agent.speaking("es"), (paper_tool("buscar"),), "Hable con {name}.", languages, voice_names=()
    )
    return Manner.of(handle(), languages["en"])


def test_what_is_not_named_stays() -> None:
    now = manner().after(Change(instructions="Be brief.")).after(Change(voice="soft"))
    assert (now.instructions, now.voice, now.tools, now.language) == ("Be brief.", "soft", None, "en")
    assert now.change == Change(instructions="Be brief.", voice="soft")


def test_a_language_brings_its_own_settings_and_voids_what_was_changed() -> None:
    now = manner().after(Change(instructions="Be brief.", tools=["end_call"])).after(Change(language="es"))
    assert (now.language, now.agent.greeting, now.instructions) == ("es", "Buenos días.", "Hable con Ann.")
    assert (now.agent.turns.silence_ms, now.tools, now.voice) == (800, None, None)
    back = now.after(Change(language="en"))
    assert (back.agent, back.instructions) == (manner().agent, "Be kind.")


def test_one_change_may_name_a_language_and_what_differs_in_it() -> None:
    now = manner().after(Change(language="es", tools=["buscar"], turns={"barge_in": False}))
    assert now.tools == frozenset({"buscar"})
    assert (now.agent.turns.silence_ms, now.agent.turns.barge_in) == (800, False)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Change(language="fr"), "there is no language fr; there are: en, es"),
        (Change(voice="loud"), "there is no voice loud; there are: soft"),
        (Change(tools=["end_call", "fly"]), "there is no tool fly; there are: look_up, end_call"),
        (Change(language="es", voice="soft"), "there is no voice soft; there are: none"),
        (Change(turns={"silence_ms": 1}), "turns: silence_ms: .* greater than or equal to 100"),
        (Change(turns={"silense_ms": 500}), "turns: silense_ms: Extra inputs"),
    ],
    ids=["language", "voice", "tool", "voice of a language", "limit", "setting"],
)
def test_names_of_what_is_not_there_are_answered_with_what_there_is(change: Change, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        manner().after(change)


def test_what_is_so_already_is_no_news() -> None:
    assert manner().news(Change(language="en")) == Change()
    assert manner().news(Change(language="en", voice="soft")) == Change(voice="soft")
    assert manner().news(Change(language="es")) == Change(language="es")


def test_a_change_is_told() -> None:
    events: list[CallEvent] = []
    change = Change(voice="soft", turns={})
    tell_change(Manner.of(handle(events), manner().parts).after(change), change, "asked")
    assert events == [AgentChanged("call-1", 40, "asked", "en", ("voice", "turns"))]
