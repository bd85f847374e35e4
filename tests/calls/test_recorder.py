import errno
import wave
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offhook.audio.files import WavWriter
from offhook.audio.formats import MULAW_8K, PCM_8K
from offhook.calls.recorder import Recorder


def frame(value: int) -> bytes:
    return np.full(160, value, dtype="<i2").tobytes()


def read(path: Path) -> tuple[list[int], list[int]]:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return samples[::160, 0].tolist(), samples[::160, 1].tolist()


def test_caller_left_agent_right_on_the_beat(tmp_path: Path) -> None:
    troubles: list[OSError] = []
    with ThreadPoolExecutor(1) as worker:
        recorder = Recorder(tmp_path / "new" / "call.wav", PCM_8K, worker=worker, on_trouble=troubles.append)
        recorder.tick(frame(7))
        for index in range(120):
            recorder.hear(frame(index))
            recorder.tick(frame(-index))
        recorder.close()
    left, right = read(tmp_path / "new" / "call.wav")
    assert left == [0, *range(120)]
    assert right == [7, *(-index for index in range(120))]
    assert troubles == []


def test_a_carrier_faster_than_the_clock_loses_its_oldest_second_and_no_memory(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        recorder = Recorder(tmp_path / "call.wav", MULAW_8K, worker=worker, on_trouble=lambda error: None)
        for _ in range(80):
            recorder.hear(MULAW_8K.silence)
        assert recorder.dropped == 30
        recorder.close()


def test_a_full_disk_is_told_once_and_the_rest_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: WavWriter, *tracks: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(WavWriter, "write", full)
    troubles: list[OSError] = []
    with ThreadPoolExecutor(1) as worker:
        recorder = Recorder(tmp_path / "call.wav", PCM_8K, worker=worker, on_trouble=troubles.append)
        for _ in range(200):
            recorder.tick(frame(1))
        recorder.close()
    assert [error.errno for error in troubles] == [errno.ENOSPC]


def test_a_disk_that_hangs_does_not_fill_the_memory(tmp_path: Path) -> None:
    class Hangs(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            waiting.append(fn)

    waiting: list[Any] = []
    troubles: list[OSError] = []
    recorder = Recorder(tmp_path / "call.wav", PCM_8K, worker=Hangs(), on_trouble=troubles.append)
    for _ in range(50 * 100):
        recorder.tick(frame(1))
    assert [error.errno for error in troubles] == [errno.ETIMEDOUT]
    assert len(waiting) == 30
