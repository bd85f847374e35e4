import numpy as np
import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.calls.transcriber import Transcriber
from tests.calls.rig import Ears


def ears_of(line: AudioFormat = PCM_8K) -> tuple[Transcriber, Ears]:
    ears = Ears()
    return Transcriber(ears, line, language="en", padding_ms=300), ears


@pytest.mark.parametrize("line", [PCM_8K, PCM_16K, MULAW_8K], ids=str)
async def test_the_recogniser_gets_the_speech_with_what_lies_around_it(line: AudioFormat) -> None:
    transcriber, ears = ears_of(line)
    for index in range(150):
        transcriber.hear(line.silence, keep_from_ms=1_000 if index > 55 else None)
    ears.texts = ["Hello."]
    transcript = await transcriber.transcribe(1_000, 2_000)
    assert transcript.text == "Hello."
    assert ears.heard_s == [pytest.approx(0.3 + 1.0 + 0.12, abs=0.02)]


async def test_speech_at_the_very_beginning_has_less_before_it() -> None:
    transcriber, ears = ears_of()
    for _ in range(50):
        transcriber.hear(PCM_8K.silence)
    await transcriber.transcribe(0, 500)
    assert ears.heard_s == [pytest.approx(0.62, abs=0.02)]


async def test_old_audio_is_let_go_but_not_what_an_utterance_still_needs() -> None:
    transcriber, ears = ears_of()
    for index in range(3_000):
        transcriber.hear(PCM_8K.silence, keep_from_ms=40_000 if index > 2_000 else None)
    assert len(transcriber._audio) < PCM_8K.bytes_in(23_000)
    await transcriber.transcribe(40_000, 59_000)
    assert ears.heard_s == [pytest.approx(19.42, abs=0.05)]


async def test_an_endless_utterance_is_bounded() -> None:
    transcriber, ears = ears_of()
    for index in range(7_000):
        transcriber.hear(np.full(160, index % 100, dtype="<i2").tobytes(), keep_from_ms=0)
    await transcriber.transcribe(0, 140_000)
    assert ears.heard_s[0] <= 122
