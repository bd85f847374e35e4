import base64

import numpy as np
import pytest

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_16K, AudioFormat
from offhook.providers.tts.base import WordTime
from offhook.simulator.clouds.elevenlabs_speech import named_format, pieces
from offhook.simulator.speech import Speech

SPEECH = Speech("Hi you", np.zeros(24_000 * 3 // 10, np.int16), (WordTime(0, 2, 20, 100), WordTime(3, 6, 130, 280)))


@pytest.mark.parametrize(
    ("name", "audio_format"),
    [
        ("ulaw_8000", MULAW_8K),
        ("alaw_8000", ALAW_8K),
        ("pcm_16000", PCM_16K),
        ("ulaw_16000", None),
        ("mp3_44100_128", None),
        ("pcm_x", None),
        ("", None),
    ],
)
def test_names_of_formats(name: str, audio_format: AudioFormat | None) -> None:
    assert named_format(name) == audio_format


def test_pieces_hold_the_characters_that_begin_in_them() -> None:
    found = list(pieces(SPEECH, MULAW_8K, 100))
    assert [len(piece.audio) for piece in found] == [800, 800, 800]
    assert ["".join(char.char for char in piece.chars) for piece in found] == ["Hi", " yo", "u"]


def test_times_count_from_the_piece_on_a_socket_and_from_the_beginning_by_http() -> None:
    piece = list(pieces(SPEECH, MULAW_8K, 100))[1]
    assert piece.socket_message()["alignment"] == {
        "chars": [" ", "y", "o"],
        "charStartTimesMs": [0, 30, 80],
        "charDurationsMs": [30, 50, 50],
    }
    line = piece.http_line()
    assert line["alignment"]["character_start_times_seconds"] == [0.1, 0.13, 0.18]
    assert line["alignment"]["character_end_times_seconds"] == [0.13, 0.18, 0.23]
    assert base64.b64decode(line["audio_base64"]) == piece.audio
