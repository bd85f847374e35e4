import asyncio
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.calls.spoken_language import SpokenLanguage
from offhook.errors import ModelError, ProviderError
from offhook.providers.stt.base import Transcript
from offhook.providers.stt.whisper import WhisperRecognizer, loops, without_echo
from offhook.providers.tts.hibari import HibariSynthesizer
from tests.providers.speech import collect, samples_of, telephone

SENTENCES = [
    "Hi, I need to book a plumber for a leaking kitchen tap.",
    "Do you have anything free on Thursday afternoon?",
    "My name is Sarah Thompson.",
    "What are your opening hours on Saturday?",
    "I would like to cancel my appointment for tomorrow morning.",
    "Can I speak to a real person, please?",
    "Yes, please.",
    "The water is coming through the ceiling and it is getting worse.",
]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def errors(expected: list[str], got: list[str]) -> int:
    """Words to change, add or take away: Levenshtein's distance."""
    row = list(range(len(got) + 1))
    for i, want in enumerate(expected, 1):
        above, row = row, [i]
        for j, have in enumerate(got, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (want != have)))
    return row[-1]


async def phoned(voice: HibariSynthesizer, text: str) -> NDArray[np.float32]:
    return telephone(samples_of(await collect(voice, text)))


@pytest.fixture(scope="module")
def loaded(whisper_dir: Path) -> WhisperRecognizer:
    return WhisperRecognizer(whisper_dir, workers=1)


@pytest.mark.models
async def test_understands_a_telephone_caller(loaded: WhisperRecognizer, voice: HibariSynthesizer) -> None:
    heard = [(await loaded.transcribe(await phoned(voice, text))) for text in SENTENCES]
    wrong = sum(errors(words(text), words(said.text)) for text, said in zip(SENTENCES, heard, strict=True))
    assert wrong / sum(len(words(text)) for text in SENTENCES) <= 0.05
    assert all(0.4 < said.confidence <= 1 for said in heard)


@pytest.mark.models
@pytest.mark.parametrize("level", [0.0, 0.003, 0.03])
async def test_hears_nothing_in_silence_and_noise(loaded: WhisperRecognizer, level: float) -> None:
    audio = np.random.default_rng(5).normal(0, level, 24_000).astype(np.float32)
    assert await loaded.transcribe(audio) == Transcript("", 0.0)


@pytest.mark.models
@pytest.mark.parametrize("length", [0, 1, 300])
async def test_audio_of_no_length_has_no_text(loaded: WhisperRecognizer, length: int) -> None:
    assert await loaded.transcribe(np.zeros(length, np.float32)) == Transcript("", 0.0)


@pytest.mark.models
async def test_a_short_answer_cut_close_is_heard(loaded: WhisperRecognizer, voice: HibariSynthesizer) -> None:
    audio = await phoned(voice, "Yes, please.")
    said = await loaded.transcribe(audio[320:])
    assert words(said.text) == ["yes", "please"]


@pytest.mark.models
async def test_a_long_monologue_is_joined(loaded: WhisperRecognizer, voice: HibariSynthesizer) -> None:
    once = await phoned(voice, " ".join(SENTENCES))
    audio = np.tile(once, 3)
    assert len(audio) > 45 * 16_000
    said = await loaded.transcribe(audio)
    expected = words(" ".join(SENTENCES)) * 3
    assert errors(expected, words(said.text)) / len(expected) <= 0.1


@pytest.mark.models
async def test_stereo_is_a_mistake_of_the_caller(loaded: WhisperRecognizer) -> None:
    with pytest.raises(ValueError, match="one channel"):
        await loaded.transcribe(np.zeros((2, 16_000), np.float32))


@pytest.mark.models
async def test_an_unknown_language_is_refused(loaded: WhisperRecognizer) -> None:
    with pytest.raises(ProviderError, match="xx"):
        await loaded.transcribe(np.zeros(16_000, np.float32), language="xx")


@pytest.mark.models
async def test_a_closed_recogniser_says_so(whisper_dir: Path) -> None:
    recognizer = WhisperRecognizer(whisper_dir)
    await recognizer.warm_up()
    recognizer.close()
    with pytest.raises(ProviderError, match="shutdown"):
        await recognizer.transcribe(np.zeros(16_000, np.float32))


class Gate:
    """Stands in for the model: holds each window until it is let through."""

    is_multilingual = False

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.through = threading.Semaphore(0)
        self.windows: list[int] = []

    def generate(self, mel: Any, prompts: list[list[int]], **_: object) -> list[Any]:
        self.windows.append(mel.shape[2])
        self.begun.release()
        self.through.acquire()
        return [Result()]


class Result:
    sequences_ids = ((440, 428),)
    scores = (-2.0,)
    no_speech_prob = 0.0


@pytest.fixture
async def gated(whisper_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[WhisperRecognizer, Gate]]:
    gate = Gate()
    monkeypatch.setattr("ctranslate2.models.Whisper", lambda *_, **__: gate)
    recognizer = WhisperRecognizer(whisper_dir, workers=1)
    yield recognizer, gate
    gate.through.release(100)
    recognizer.close()


@pytest.mark.models
async def test_a_cancelled_request_leaves_the_queue(gated: tuple[WhisperRecognizer, Gate]) -> None:
    recognizer, gate = gated
    audio = np.ones(16_000, np.float32)
    first = asyncio.create_task(recognizer.transcribe(audio))
    await asyncio.to_thread(gate.begun.acquire)
    waiting = asyncio.create_task(recognizer.transcribe(audio))
    last = asyncio.create_task(recognizer.transcribe(audio))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.through.release(4)
    await asyncio.gather(first, last)
    assert waiting.cancelled() or waiting.cancelling()
    assert len(gate.windows) == 4


@pytest.mark.models
async def test_a_cancelled_request_gets_no_second_look(gated: tuple[WhisperRecognizer, Gate]) -> None:
    recognizer, gate = gated
    task = asyncio.create_task(recognizer.transcribe(np.ones(16_000, np.float32)))
    await asyncio.to_thread(gate.begun.acquire)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.through.release(2)
    await recognizer.transcribe(np.zeros(0, np.float32))
    assert gate.windows == [800]


@pytest.mark.models
async def test_an_unsure_text_gets_the_whole_window(gated: tuple[WhisperRecognizer, Gate]) -> None:
    recognizer, gate = gated
    gate.through.release(2)
    await recognizer.transcribe(np.ones(9 * 16_000, np.float32))
    assert gate.windows == [1230, 3000]


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"lacks model\.bin.*\n.*offhook models fetch"):
        WhisperRecognizer(tmp_path)


@pytest.mark.models
def test_a_damaged_model_says_what_to_do(tmp_path: Path, whisper_dir: Path) -> None:
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_bytes((whisper_dir / name).read_bytes())
    (tmp_path / "model.bin").write_bytes(b"\x06\x00")
    with pytest.raises(ModelError, match="cannot be loaded"):
        WhisperRecognizer(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "I want to book a table, a table, a table, a table",
        "Thank you. Thank you. Thank you.",
        "no no no no no no",
        "we can come on Monday and we can come on Monday and we can come on Monday and",
        "Eeeeeeeeeeeeee",
        "ha-ha-ha-ha-ha-ha",
    ],
)
def test_loops_are_seen(text: str) -> None:
    assert loops(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes.",
        "No, no, no.",
        "Bye bye.",
        "My number is 555 555 0142.",
        "0000 0000 0000 000",
        "It was very, very good, and the people were very kind.",
    ],
)
def test_what_people_say_is_no_loop(text: str) -> None:
    assert not loops(text)


@pytest.mark.parametrize(
    ("text", "seconds", "once"),
    [
        ("Yes. Yes.", 0.9, "Yes."),
        ("Could you repeat that, please? Could you repeat that, please?", 2.2, "Could you repeat that, please?"),
        ("No. No.", 1.4, "No. No."),
        ("Could you repeat that, please? Could you repeat that, please?", 5.0, None),
        ("five five", 1.2, None),
        ("Yes.", 0.5, None),
        ("", 0.5, None),
    ],
)
def test_an_echo_is_taken_out_only_where_nobody_speaks_so_fast(text: str, seconds: float, once: str | None) -> None:
    assert without_echo(text, seconds) == (text if once is None else once)


@pytest.mark.models
async def test_english_is_told_from_other_languages(loaded: WhisperRecognizer, voice: HibariSynthesizer) -> None:
    spoken = SpokenLanguage("always", ("en", "es", "de", "fr"))
    for text in SENTENCES:
        audio = await phoned(voice, text)
        said = await loaded.transcribe(audio, among=("en", "es", "de", "fr"))
        assert set(said.languages) == {"en", "es", "de", "fr"}
        assert max(said.languages, key=lambda code: said.languages[code]) == "en"
        assert spoken.judge(said, len(audio) // 16) in ("en", "")
        assert said.text == (await loaded.transcribe(audio)).text


@pytest.mark.models
async def test_no_language_is_told_that_was_not_asked_for(loaded: WhisperRecognizer, voice: HibariSynthesizer) -> None:
    audio = await phoned(voice, SENTENCES[0])
    assert (await loaded.transcribe(audio)).languages == {}
    assert set((await loaded.transcribe(audio, language="en", among=("en", "es"))).languages) == {"en", "es"}
