from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from offhook.config import ExperimentSettings, Settings
from offhook.config_files import read_settings
from offhook.errors import ConfigError, SettingsError


def settings(experiments: Any, **more: Any) -> Settings:
    agents = {"reception": {"greeting": "Hello."}, "sales": {}}
    return Settings.model_validate({"agents": agents, "experiments": experiments, **more})


def tone(**variants: Any) -> dict[str, Any]:
    return {"tone": {"agent": "reception", "variants": variants}}


def test_an_agent_with_an_experiment_answers_as_its_variants() -> None:
    ours = settings(tone(control={}, calm={"greeting": "Good day.", "weight": 2}, old={"speed": 1.2, "weight": 0}))
    assert list(ours.answering) == ["sales", "reception/control", "reception/calm"]
    assert ours.answering["reception/control"] == ours.agents["reception"]
    assert ours.answering["reception/calm"].greeting == "Good day."
    assert [each.greeting for each in ours.ways_of("reception")] == ["Hello.", "Good day."]
    assert ours.ways_of("sales") == [ours.agents["sales"]]


def test_without_experiments_the_agents_answer_themselves() -> None:
    assert Settings().answering == Settings().agents


@pytest.mark.parametrize(
    ("variants", "control"),
    [
        ({"calm": {"speed": 0.9}, "plain": {}}, "plain"),
        ({"calm": {"speed": 0.9}, "brisk": {"speed": 1.1}}, "calm"),
        ({"calm": {"weight": 3}, "brisk": {"speed": 1.1}}, "calm"),
    ],
)
def test_others_are_compared_with_the_one_that_changes_nothing_or_the_first(variants: Any, control: str) -> None:
    assert ExperimentSettings.model_validate({"agent": "reception", "variants": variants}).control == control


@pytest.mark.parametrize(
    ("experiments", "problem"),
    [
        ({"tone": {"agent": "nobody", "variants": {"a": {}}}}, 'no agent "nobody"; there are: reception, sales'),
        ({"tone": {"agent": "reception", "variants": {}}}, "at least 1 item"),
        (tone(a={"weight": 0}, b={"speed": 1.1, "weight": 0}), "a variant with a weight above 0 is needed"),
        (tone(a={}, b={"weight": 2}), 'it changes nothing, as "a" does'),
        (tone(a={"weight": -1}), "greater than or equal to 0"),
        (tone(a={"llm": ["nobody"]}), 'no llm "nobody"'),
        (tone(a={"tools": ["nothing"]}), 'no tool "nothing"'),
        (tone(a={"turns": {"speculate_ms": 600}}), "600 is above silence_ms, which is 500"),
        (tone(a={}) | {"pace": {"agent": "reception", "variants": {"b": {}}}}, 'the experiment "tone" divides'),
    ],
)
def test_what_cannot_be(experiments: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        settings(experiments)


FILE = """\
[agents.reception]

[experiments.tone]
agent = "reception"

[experiments.tone.variants.control]

[experiments.tone.variants.calm]
speed = 0.9
flow = "calm.toml"
turns.silence_ms = 700
"""


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text(FILE)
    calm = read_settings(environ={}, cwd=tmp_path).settings.answering["reception/calm"]
    assert (calm.flow, calm.speed, calm.turns.silence_ms) == (tmp_path / "calm.toml", 0.9, 700)


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("speed = 0.9", "sped = 0.9", ("experiments.tone.variants.calm.sped", "did you mean speed?", 9)),
        ("speed = 0.9", "speed = 9", ("experiments.tone.variants.calm.speed", "at most 2", 9)),
        (
            "silence_ms = 700",
            "silence_ms = 70",
            ("experiments.tone.variants.calm.turns.silence_ms", "at least 100", 11),
        ),
        ("silence_ms = 700", "speculate_ms = 700", ("calm.turns.speculate_ms", "is above silence_ms", 11)),
        ('agent = "reception"', 'agent = "recep"', ("experiments.tone.agent", "there are: reception", 4)),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, written: str, instead: str, told: tuple[str, str, int]
) -> None:
    (tmp_path / "offhook.toml").write_text(FILE.replace(written, instead))
    with pytest.raises(ConfigError) as error:
        read_settings(environ={}, cwd=tmp_path)
    setting, words, line = told
    assert error.value.line == line
    assert setting in error.value.setting
    assert words in str(error.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    wrong = FILE.replace('agent = "reception"', 'agent = "recep"').replace(
        "[agents.reception]", "[agents.reception]\nspeed = 9"
    )
    (tmp_path / "offhook.toml").write_text(wrong)
    with pytest.raises(SettingsError) as error:
        read_settings(environ={}, cwd=tmp_path)
    assert [each.setting for each in error.value.errors] == ["agents.reception.speed", "experiments.tone.agent"]
