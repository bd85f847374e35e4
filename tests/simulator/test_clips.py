from pathlib import Path

import numpy as np
import pytest

from offhook.audio.files import write_wav
from offhook.errors import ConfigError
from offhook.simulator.clips import Clip, needs_voice, render, sound_clip
from offhook.simulator.scenario import Scenario
from offhook.simulator.scenario_files import load_scenario, parse_scenario
from offhook.simulator.sound import as_float, as_pcm, level_db
from tests.simulator.voices import ToneVoice, tone


def scenario(steps: str, rest: str = "") -> Scenario:
    return parse_scenario(f'title = "t"\nsteps = [{steps}]\n{rest}')


async def one(steps: str, rest: str = "", voice: ToneVoice | None = None) -> Clip:
    clips = await render(scenario(steps, rest), voice or ToneVoice())
    assert clips[0] is not None
    return clips[0]


def loudest_hz(clip: Clip, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(clip.pcm))
    return float(np.argmax(spectrum) * rate / len(clip.pcm))


async def test_pitch_changes_and_pace_does_not() -> None:
    voice = ToneVoice()
    clip = await one('{ say = "0123456789" }', "[caller]\npitch = 0.8\nspeed = 1.0", voice)
    assert loudest_hz(clip, 8_000) == pytest.approx(480, abs=3)
    assert (clip.end - clip.onset) / 8_000 == pytest.approx(0.8, abs=0.02)
    assert voice.speeds == [1.25]


async def test_speed_changes_the_pace_alone() -> None:
    clip = await one('{ say = "0123456789" }', "[caller]\npitch = 1.0\nspeed = 1.6")
    assert loudest_hz(clip, 8_000) == pytest.approx(600, abs=3)
    assert (clip.end - clip.onset) / 8_000 == pytest.approx(0.5, abs=0.02)


async def test_speech_has_the_level_asked_for() -> None:
    clip = await one('{ say = "0123456789" }', "[caller]\nlevel_db = -30")
    assert level_db(as_float(clip.pcm[clip.onset : clip.end])) == pytest.approx(-30, abs=0.5)


async def test_a_clip_begins_and_ends_with_sound() -> None:
    quiet = np.zeros(4_000, np.float32)
    clip = sound_clip("x", np.concatenate([quiet, tone(600, 0.5, 8_000), quiet]), 8_000, -22.0)
    assert clip.onset == pytest.approx(160, abs=2)
    assert len(clip.pcm) - clip.end == pytest.approx(480, abs=2)
    assert clip.end - clip.onset == pytest.approx(4_000, abs=4)


@pytest.mark.parametrize(
    ("line", "rate", "kept", "cut"), [("slin", 8_000, 1_000, 3_900), ("slin16", 16_000, 5_000, 7_800)]
)
async def test_the_line_lets_through_its_band(tmp_path: Path, line: str, rate: int, kept: float, cut: float) -> None:
    both = tone(kept, 1, 24_000) + tone(cut, 1, 24_000)
    write_wav(tmp_path / "a.wav", as_pcm(both), 24_000)
    (tmp_path / "a.toml").write_text(f'title = "t"\nsteps = [{{ play = "a.wav" }}]\n[line]\nformat = "{line}"')
    (clip,) = await render(load_scenario(tmp_path / "a.toml"), None)
    assert clip is not None
    spectrum = np.abs(np.fft.rfft(clip.pcm)) * rate / len(clip.pcm)
    bins = len(clip.pcm) / rate
    assert spectrum[round(cut * bins)] < 0.01 * spectrum[round(kept * bins)]
    assert clip.text == "(a.wav)"


async def test_mumbling_lasts_as_long_as_asked_and_has_no_consonants() -> None:
    clip = await one("{ mumble_s = 2.5 }")
    assert (clip.end - clip.onset) / 8_000 == pytest.approx(2.5, abs=0.1)


async def test_a_cough_is_short_and_loud() -> None:
    clip = await one("{ cough = true, level_db = -15 }")
    assert 0.2 < (clip.end - clip.onset) / 8_000 < 0.5
    assert level_db(as_float(clip.pcm)) == pytest.approx(-15, abs=2)


async def test_steps_without_sound_have_no_clip() -> None:
    assert await render(scenario("{ hang_up = true }, { silence_s = 1 }"), None) == (None, None)


async def test_words_need_a_voice() -> None:
    assert needs_voice(scenario('{ say = "x" }'))
    assert not needs_voice(scenario("{ cough = true }"))
    with pytest.raises(ValueError, match="needs a synthesizer"):
        await render(scenario('{ say = "x" }'), None)


async def test_a_file_that_is_no_wav(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"not sound")
    (tmp_path / "a.toml").write_text('title = "t"\nsteps = [{ play = "a.wav" }]')
    with pytest.raises(ConfigError, match="cannot play"):
        await render(load_scenario(tmp_path / "a.toml"), None)
