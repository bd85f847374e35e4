import numpy as np

from offhook.simulator.clouds.media_stream.earpiece import SILENCE, Earpiece, prompt


def frame(value: int) -> bytes:
    return np.full(160, value, "<i2").tobytes()


def test_what_is_heard_lies_on_one_timeline() -> None:
    ear = Earpiece()
    told: list[bytes] = []
    ear.listeners.append(told.append)
    assert ear.play([]) == SILENCE
    assert ear.play([frame(5)]) == frame(5)
    assert told == [SILENCE, frame(5)]
    assert ear.heard.length == 320
    assert set(ear.heard.between(160, 320)) == {5}


def test_prompts_and_streams_are_mixed_and_do_not_overflow() -> None:
    ear = Earpiece()
    ear.prompts.put(frame(20_000))
    assert ear.play([frame(20_000)]) == frame(32_767)
    ear.prompts.put(frame(1))
    assert ear.play([frame(2), frame(3)]) == frame(6)


def test_a_prompt_can_be_heard() -> None:
    sound = np.frombuffer(prompt(0.5), "<i2")
    assert len(sound) == 4_000
    assert np.abs(sound).max() > 5_000
