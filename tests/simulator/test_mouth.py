import numpy as np
import pytest

from offhook.simulator.mouth import Mouth
from offhook.simulator.scenario import CallerVoice, Line
from offhook.simulator.sound import as_float, level_db
from tests.simulator.voices import clip


def mouth(**line: object) -> Mouth:
    return Mouth(Line.model_validate(line), CallerVoice())


def test_a_clip_is_where_it_was_said_to_be() -> None:
    caller = mouth()
    for _ in range(7):
        caller.next_frame()
    speech = caller.say(clip(0.33))
    for _ in range(40):
        caller.next_frame()
    sound = np.flatnonzero(np.abs(caller.track.between(0, caller.track.length)) > 104)
    assert (sound[0], sound[-1] + 1) == (speech.begin, speech.end)
    assert speech.begin >= 7 * 160


def test_clips_follow_each_other() -> None:
    caller = mouth()
    first = caller.say(clip(0.2))
    second = caller.say(clip(0.2))
    assert second.begin > first.end


def test_silence_is_digital_on_a_clean_line() -> None:
    assert mouth().next_frame() == bytes(320)


@pytest.mark.parametrize(("line", "expected"), [({"noise_db": -40}, -40), ({"snr_db": 15}, -37)])
def test_noise_has_its_level(line: dict[str, float], expected: float) -> None:
    caller = mouth(**line)
    sound = b"".join(caller.next_frame() or b"" for _ in range(100))
    assert level_db(as_float(np.frombuffer(sound, "<i2"))) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("burst", [1.0, 4.0])
def test_losses_have_their_share_and_length(burst: float) -> None:
    caller = mouth(loss_percent=10, loss_burst=burst)
    lost = [caller.next_frame() is None for _ in range(20_000)]
    runs = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    assert sum(lost) / len(lost) == pytest.approx(0.10, abs=0.015)
    assert sum(lost) / runs == pytest.approx(burst, rel=0.15)
    assert caller.lost == sum(lost)


def test_a_lost_frame_is_silence_in_the_recording_and_time_goes_on() -> None:
    caller = mouth(loss_percent=50, loss_burst=50)
    for _ in range(200):
        caller.next_frame()
    assert caller.now == 200 * 160


def test_the_same_seed_makes_the_same_call() -> None:
    one, other = (mouth(noise_db=-30, loss_percent=5) for _ in range(2))
    assert [one.next_frame() for _ in range(100)] == [other.next_frame() for _ in range(100)]


def test_wideband_frames_are_longer() -> None:
    assert len(mouth(format="slin16").next_frame() or b"") == 640
