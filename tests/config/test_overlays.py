from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from offhook.config import AgentOverlay, AgentSettings
from offhook.config.overlays import overlaid
from offhook.settings_tree import find


def overlay(**changes: Any) -> AgentOverlay:
    return AgentOverlay.model_validate(changes)


def test_what_is_set_takes_the_place_of_the_agents() -> None:
    agent = AgentSettings(voice="heart", greeting="Hello.", transfers={"sales": "+15550100"})
    other = agent.under(overlay(greeting="Good day!", llm=["openai"], transfers={"desk": "+15550101"}))
    assert (other.greeting, other.llm, other.transfers["desk"].to) == (
        "Good day!",
        ("openai",),
        "+15550101",
    )
    assert (other.voice, other.stt) == (agent.voice, agent.stt)


def test_nothing_set_changes_nothing() -> None:
    agent = AgentSettings.model_validate({"turns": {"silence_ms": 400}, "speed": 1.1})
    assert agent.under(overlay()) == agent
    assert overlay().changes == {}


def test_sections_are_merged_one_setting_at_a_time() -> None:
    agent = AgentSettings.model_validate(
        {"turns": {"silence_ms": 400, "barge_in": False}, "silence": {"ask_line": "?"}}
    )
    other = agent.under(overlay(turns={"silence_ms": 700}, silence={"ask_after_s": 3}))
    assert (other.turns.silence_ms, other.turns.barge_in) == (700, False)
    assert (other.silence.ask_line, other.silence.ask_after_s) == ("?", 3)


def test_what_follows_other_settings_follows_those_of_the_overlay() -> None:
    agent = AgentSettings.model_validate({"turns": {"vad_threshold": 0.6}})
    other = agent.under(overlay(turns={"silence_ms": 2_000}))
    assert other.turns.unfinished_ms == 2_000
    assert other.turns.model_fields_set == {"silence_ms", "vad_threshold"}


@pytest.mark.parametrize(
    "changes",
    [
        {"speed": 9},
        {"language": "english"},
        {"engine": "steam"},
        {"stt": []},
        {"turns": {"silense_ms": 500}},
        {"turns": {"silence_ms": 1}},
        {"max_calls": 3},
        {"busy_agent": "x"},
        {"nonsense": 1},
    ],
    ids=str,
)
def test_limits_are_those_of_the_agent(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        overlay(**changes)


def test_what_does_not_fit_the_agent_is_told_as_being_in_the_overlay() -> None:
    agent = AgentSettings.model_validate({"turns": {"speculate_ms": 450}})
    with pytest.raises(PydanticCustomError, match="450 is above silence_ms, which is 300") as told:
        overlaid(agent, overlay(turns={"silence_ms": 300}), "languages", "de")
    assert told.value.context is not None
    assert told.value.context["keys"] == ("languages", "de", "turns", "speculate_ms")


def test_its_settings_are_explained_as_the_agents() -> None:
    ours, theirs = (
        find((*above, "turns", "silence_ms"))
        for above in (("experiments", "tone", "variants", "calm"), ("agents", "reception"))
    )
    assert ours is not None
    assert theirs is not None
    assert (ours.description, ours.default) == (theirs.description, None)
