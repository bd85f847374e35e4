import numpy as np
import pytest

from offhook.simulator.ear import Ear
from offhook.simulator.scenario import AgentEar
from offhook.simulator.sound import as_pcm
from tests.simulator.voices import tone

FRAME = 160
SILENCE = bytes(2 * FRAME)


def frames(seconds: float, *, level: float = 1.0, skip: int = 0) -> list[bytes]:
    pcm = as_pcm(tone(500, seconds, 8_000) * np.float32(level))
    pcm[:skip] = 0
    return [pcm[at : at + FRAME].tobytes() for at in range(0, len(pcm), FRAME)]


def hear(ear: Ear, pieces: list[bytes], start: int = 0) -> int:
    for number, piece in enumerate(pieces):
        now = start + number * FRAME
        ear.hear(piece, now)
        ear.pass_time(now + FRAME)
    return start + len(pieces) * FRAME


def test_speech_begins_and_ends_at_its_samples() -> None:
    ear = Ear(8_000, AgentEar())
    hear(ear, [*[SILENCE] * 5, *frames(0.4, skip=50), *[SILENCE] * 50])
    said = ear.utterances[0]
    assert said.begin == pytest.approx(5 * FRAME + 50, abs=4)
    assert said.end == pytest.approx(25 * FRAME - 1, abs=12)
    assert said.closed
    assert ear.current is None


def test_a_short_pause_is_part_of_the_utterance() -> None:
    ear = Ear(8_000, AgentEar(pause_ms=700))
    hear(ear, [*frames(0.4), *[SILENCE] * 30, *frames(0.4), *[SILENCE] * 40])
    assert len(ear.utterances) == 1


def test_a_long_pause_ends_it() -> None:
    ear = Ear(8_000, AgentEar(pause_ms=500))
    hear(ear, [*frames(0.4), *[SILENCE] * 30, *frames(0.4), *[SILENCE] * 40])
    assert [said.closed for said in ear.utterances] == [True, True]


def test_hiss_below_the_threshold_is_silence() -> None:
    ear = Ear(8_000, AgentEar(audible_db=-40))
    hear(ear, frames(1.0, level=0.01))
    assert ear.utterances == []


def test_what_has_begun_goes_on_at_a_lower_level() -> None:
    ear = Ear(8_000, AgentEar(audible_db=-20))
    hear(ear, [*frames(0.2), *frames(0.2, level=0.3)])
    assert ear.utterances[0].end > 18 * FRAME


def test_frames_that_come_early_play_one_after_the_other() -> None:
    ear = Ear(8_000, AgentEar())
    for piece in frames(0.2):
        ear.hear(piece, 0)
    assert ear.track.length == 10 * FRAME
    assert ear.underruns == 0


def test_a_late_frame_leaves_a_gap_and_is_counted() -> None:
    ear = Ear(8_000, AgentEar())
    end = hear(ear, frames(0.2))
    ear.hear(frames(0.02)[0], end + 400)
    assert ear.underruns == 1
    assert ear.track.length == end + 400 + FRAME


def test_lateness_is_made_up_for_in_silence() -> None:
    ear = Ear(8_000, AgentEar())
    ear.hear(frames(0.02)[0], 4 * FRAME)
    for number in range(3):
        ear.hear(SILENCE, (number + 2) * FRAME)
    ear.hear(frames(0.02)[0], 5 * FRAME)
    assert ear.track.length == 6 * FRAME


def test_an_utterance_can_be_cut() -> None:
    ear = Ear(8_000, AgentEar())
    end = hear(ear, frames(0.4))
    assert ear.cut() is ear.utterances[0]
    assert ear.cut() is None
    hear(ear, frames(0.4), end)
    assert len(ear.utterances) == 2


def test_quiet_is_counted_from_the_last_sound() -> None:
    ear = Ear(8_000, AgentEar())
    assert ear.quiet_for(799) == 800
    end = hear(ear, frames(0.4))
    assert ear.quiet_for(end + 800) == pytest.approx(800, abs=12)
