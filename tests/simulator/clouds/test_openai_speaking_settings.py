from typing import Any

import pytest

from offhook.audio.formats import ALAW_8K, PCM_24K
from offhook.simulator.clouds.openai_session import Wrong
from offhook.simulator.clouds.openai_speaking_settings import SpeakingSettings


def settings() -> SpeakingSettings:
    return SpeakingSettings("sess_1", "gpt-realtime-2.1")


def changed(made: SpeakingSettings, **session: Any) -> None:
    made.update({"type": "realtime", **session}, heard=False, spoken=False)


def test_a_session_begins_with_the_vendors_defaults() -> None:
    made = settings()
    assert (made.input_format, made.output_format, made["output_modalities"]) == (PCM_24K, PCM_24K, ["audio"])
    assert made.input["turn_detection"]["silence_duration_ms"] == 500


def test_what_is_not_given_stays() -> None:
    made = settings()
    changed(made, instructions="Be brief.", audio={"output": {"voice": "ash"}})
    changed(made, audio={"input": {"format": {"type": "audio/pcma"}}})
    assert (made["instructions"], made.output["voice"], made.input_format) == ("Be brief.", "ash", ALAW_8K)
    assert made.told()["audio"]["output"]["voice"] == "ash"


def test_a_wrong_change_changes_nothing() -> None:
    made = settings()
    before = made.told()
    with pytest.raises(Wrong):
        changed(made, instructions="Be brief.", audio={"input": {"format": "pcm16"}})
    assert made.told() == before


def test_what_was_told_is_not_changed_afterwards() -> None:
    made = settings()
    told = made.told()
    told["audio"]["output"]["voice"] = "other"
    assert made.output["voice"] == "marin"
