import json
from pathlib import Path
from typing import Any

import pytest

from offhook.config import Settings
from offhook.errors import OffhookError
from offhook.experiments.command import run
from tests.experiments.calls import record, write


def settings(data_dir: Path, **more: Any) -> Settings:
    return Settings.model_validate({"server": {"data_dir": data_dir}, **more})


TONE = {"tone": {"agent": "reception", "variants": {"control": {}, "calm": {"speed": 0.9}}}}


def test_every_experiment_is_compared_or_the_one_that_is_named(tmp_path: Path) -> None:
    write(tmp_path, record("calm"), record("control"), record("a", experiment="pace"))
    ours = settings(tmp_path, experiments=TONE)
    both, one = run(ours), run(ours, "pace")
    assert both.index("tone, callers") < both.index("pace, callers")
    assert "tone, callers" not in one
    assert "too few calls" in both


def test_for_machines(tmp_path: Path) -> None:
    write(tmp_path, record("calm"), record("control"), b"torn", record(end_reason=None))
    told = json.loads(run(settings(tmp_path), "tone", as_json=True))
    assert told["left_out"] == {"unreadable": 1, "unfinished": 1}
    [tone] = told["experiments"]
    assert (tone["control"], tone["calls"]) == ("control", {"control": 1, "calm": 1})
    duration = tone["measures"][0]
    assert (duration["name"], duration["unit"]) == ("duration", "s")
    assert duration["figures"]["calm"] == {
        "value": {"value": 61.5, "low": None, "high": None},
        "difference": {"value": 0.0, "low": None, "high": None},
    }


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    write(tmp_path, record(), b"torn", b"torn too", record(end_reason=None))
    text = run(settings(tmp_path))
    assert "2 records that cannot be read" in text
    assert "1 calls that go on" in text


def test_before_there_is_any_call(tmp_path: Path) -> None:
    assert "no calls of experiments in" in run(settings(tmp_path, experiments=TONE))
    assert "no calls of experiments in" in run(settings(tmp_path, experiments=TONE), "tone")


def test_only_calls_since_a_moment(tmp_path: Path) -> None:
    write(tmp_path, record())
    assert "no calls of experiments" in run(settings(tmp_path), "", "2026-11-21")


@pytest.mark.parametrize("known", ["", "tone"])
def test_an_experiment_that_is_not_there(tmp_path: Path, known: str) -> None:
    if known:
        write(tmp_path, record())
    with pytest.raises(OffhookError, match=f'no experiment "pace"; there are: {known or "none"}'):
        run(settings(tmp_path), "pace")
