import numpy as np
import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.calls.kept_audio import KeptAudio


def kept(frames: int, line: AudioFormat = PCM_8K, onset_ms: int | None = None) -> KeptAudio:
    audio = KeptAudio(line, padding_ms=300)
    for _ in range(frames):
        audio.hear(line.silence, keep_from_ms=onset_ms)
    return audio


@pytest.mark.parametrize("line", [PCM_8K, PCM_16K, MULAW_8K], ids=str)
def test_speech_comes_with_what_lies_around_it(line: AudioFormat) -> None:
    assert line.ms_in(len(kept(150, line, 1_000).between(1_000, 2_000))) == 300 + 1_000 + 120


def test_speech_at_the_very_beginning_has_less_before_it() -> None:
    assert PCM_8K.ms_in(len(kept(50).between(0, 500))) == 620


def test_old_audio_is_let_go_but_not_what_an_utterance_still_needs() -> None:
    audio = KeptAudio(PCM_8K, padding_ms=300)
    for index in range(3_000):
        audio.hear(PCM_8K.silence, keep_from_ms=40_000 if index > 2_000 else None)
    assert audio.now_ms == 60_000
    assert len(audio.between(0, 60_000)) < PCM_8K.bytes_in(23_000)
    assert PCM_8K.ms_in(len(audio.between(40_000, 59_000))) == 19_420


def test_an_endless_utterance_is_bounded() -> None:
    audio = KeptAudio(PCM_8K, padding_ms=300)
    for index in range(7_000):
        audio.hear(np.full(160, index % 100, dtype="<i2").tobytes(), keep_from_ms=0)
    assert PCM_8K.ms_in(len(audio.between(0, 140_000))) <= 122_000


def test_frames_since_an_onset_say_where_they_begin() -> None:
    audio = KeptAudio(PCM_8K, padding_ms=300)
    for index in range(200):
        audio.hear(index.to_bytes(2, "little") * 160, keep_from_ms=2_000 if index > 100 else None)
    first_ms, frames = audio.since(2_000)
    given = list(frames)
    assert first_ms == 1_700
    assert given[0] == (1_700 // 20).to_bytes(2, "little") * 160
    assert len(given) == 200 - 1_700 // 20
