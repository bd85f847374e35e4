from pathlib import Path

import numpy as np
import pytest

from offhook.audio.files import write_wav
from offhook.config import AgentSettings, Settings
from offhook.errors import ConfigError
from offhook.server.hold_music import melodies_of


def settings(path: Path | None) -> Settings:
    return Settings(agents={"reception": AgentSettings(), "sales": AgentSettings(hold_music=path)})


def test_who_has_a_file_has_its_music(tmp_path: Path) -> None:
    write_wav(tmp_path / "hold.wav", np.full(1_600, 7, dtype=np.int16), 8_000)
    melodies = melodies_of(settings(tmp_path / "hold.wav"))
    assert list(melodies) == ["sales"]
    assert melodies["sales"].sound == b"\7\0" * 1_600
    assert melodies_of(settings(None)) == {}


@pytest.mark.parametrize(("content", "problem"), [(None, "No such file"), (b"RIFF....", "not a WAV file")])
def test_a_file_that_cannot_be_played_stops_the_start(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "hold.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        melodies_of(settings(path))
    assert caught.value.setting == "agents.sales.hold_music"
