import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.audio.formats import ALAW_8K, FRAME_MS, MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.config import SttSettings
from offhook.errors import ProviderError
from offhook.providers.stt.base import SpeechStream, Transcript
from offhook.providers.stt.deepgram import DeepgramRecognizer, KeepAlive
from offhook.simulator.clouds.deepgram import DeepgramDouble
from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.lines import SlowHandshake
from offhook.simulator.clouds.serving import Cut, Refuse, Stall
from tests.providers.stt.conftest import Frames
from tests.providers.stt.listening import Told, speak
from tests.simulator.clouds.waiting import until

KEY = "dg-very-secret-0123456789"
TWO = scripted_ears(Saying("Hello there.", 500, 1_300), Saying("Are you open?", 3_000, 3_900))
HESITANT = scripted_ears(Saying("My number is", 500, 1_300), Saying("five five.", 1_900, 2_500))
NOVA, FLUX = "nova-3", "flux-general-en"


def recognizer(url: str, model: str = NOVA, key: str = KEY, **settings: Any) -> DeepgramRecognizer:
    return DeepgramRecognizer(SttSettings(kind="deepgram", base_url=url, model=model, api_key=key, **settings))


@asynccontextmanager
async def listening(
    double: DeepgramDouble,
    model: str = NOVA,
    format: AudioFormat = MULAW_8K,  # noqa: A002
    **settings: Any,
) -> AsyncIterator[tuple[SpeechStream, Told]]:
    async with double.serve() as url:
        factory = recognizer(url, model, **settings)
        told = Told()
        stream = factory.open(format, language="en", events=told)
        try:
            yield stream, told
        finally:
            await stream.close()
            await factory.close()


def audio_ms(double: DeepgramDouble, format: AudioFormat = MULAW_8K) -> float:  # noqa: A002
    return format.ms_in(len(double.lines[0].audio)) if double.lines else 0.0


def texts(double: DeepgramDouble) -> list[str]:
    return [text["type"] for text in double.lines[0].texts]


@pytest.mark.parametrize("format", [MULAW_8K, ALAW_8K, PCM_8K, PCM_16K])
@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_audio_passes_as_it_is(model: str, format: AudioFormat) -> None:  # noqa: A002
    double = DeepgramDouble(TWO)
    async with listening(double, model, format) as (stream, told):
        speak(stream, format, 3_200)
        await until(lambda: ("over", "Hello there.") in told.turns)
        await until(lambda: audio_ms(double, format) == 3_200)
    assert set(double.lines[0].audio) == set(format.silence)
    assert told.errors == []


async def test_nova_tells_words_and_turns() -> None:
    async with listening(DeepgramDouble(TWO)) as (stream, told):
        speak(stream, MULAW_8K, 5_500)
        await until(lambda: len(told.turns) == 2)
    assert told.words == ["Hello", "Hello there.", "Are you", "Are you open?"]
    assert told.turns == [("over", "Hello there."), ("over", "Are you open?")]


async def test_nova_is_asked_for_the_last_words() -> None:
    double = DeepgramDouble(TWO)
    async with listening(double) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        said = await stream.transcribe(500, 1_300)
        assert said.text == "Hello there."
        assert said.confidence == pytest.approx(0.98)
        assert texts(double) == ["Finalize"]
        assert told.turns == []


@pytest.mark.models
@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_real_sentence(model: str, real_ears: EarFactory, spoken: Frames) -> None:
    frames = await spoken("What are your opening hours on Saturday?", MULAW_8K)
    async with listening(DeepgramDouble(real_ears), model, stall_ms=10_000) as (stream, told):
        for frame in frames:
            stream.hear(frame)
        end_ms = len(frames) * FRAME_MS - 1_500
        said = await stream.transcribe(500, end_ms)
        await asyncio.wait_for(until(lambda: told.turns[-1:] == [("over", said.text)]), 60)
    assert said.text.lower().rstrip("?.") == "what are your opening hours on saturday"
    assert said.confidence > 0.4
    assert told.words


async def test_what_is_final_is_not_asked_for() -> None:
    double = DeepgramDouble(TWO)
    async with listening(double) as (stream, told):
        speak(stream, MULAW_8K, 1_700)
        await until(lambda: told.turns)
        assert (await stream.transcribe(500, 1_300)).text == "Hello there."
        assert texts(double) == []


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_caller_who_goes_on_is_heard_whole(model: str) -> None:
    async with listening(DeepgramDouble(HESITANT), model, endpointing_ms=1_000) as (stream, told):
        speak(stream, MULAW_8K, 1_600)
        assert (await stream.transcribe(500, 1_300)).text == "My number is"
        speak(stream, MULAW_8K, 1_300)
        assert (await stream.transcribe(500, 2_500)).text == "My number is five five."
        speak(stream, MULAW_8K, 1_000)
        await until(lambda: told.turns[-1:] == [("over", "My number is five five.")])


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_the_next_utterance_has_its_own_words(model: str) -> None:
    async with listening(DeepgramDouble(TWO), model) as (stream, _):
        speak(stream, MULAW_8K, 1_600)
        assert (await stream.transcribe(500, 1_300)).text == "Hello there."
        speak(stream, MULAW_8K, 2_700)
        assert (await stream.transcribe(3_000, 3_900)).text == "Are you open?"


async def test_several_may_wait() -> None:
    async with listening(DeepgramDouble(TWO)) as (stream, _):
        speak(stream, MULAW_8K, 1_500)
        said = await asyncio.gather(*(stream.transcribe(500, 1_300) for _ in range(3)))
    assert [transcript.text for transcript in said] == ["Hello there."] * 3


async def test_noise_has_no_words() -> None:
    async with listening(DeepgramDouble(scripted_ears())) as (stream, _):
        speak(stream, MULAW_8K, 1_500)
        assert await stream.transcribe(500, 1_300) == Transcript("", 0.0)


async def test_flux_judges_turns_early() -> None:
    async with listening(DeepgramDouble(HESITANT), FLUX) as (stream, told):
        speak(stream, MULAW_8K, 4_000)
        await until(lambda: len(told.turns) == 4)
    assert told.turns == [
        ("early", "My number is"),
        ("resumed", "My number is"),
        ("early", "My number is five five."),
        ("over", "My number is five five."),
    ]


async def test_flux_hears_80_ms_at_a_time() -> None:
    double = DeepgramDouble(TWO)
    async with listening(double, FLUX) as (stream, _):
        speak(stream, MULAW_8K, 100)
        await until(lambda: audio_ms(double) == 80)
        stream.hear(MULAW_8K.silence * 3)
        await until(lambda: audio_ms(double) == 160)


async def test_flux_tells_its_words_by_itself() -> None:
    double = DeepgramDouble(TWO)
    async with listening(double, FLUX) as (stream, _):
        speak(stream, MULAW_8K, 1_600)
        assert (await stream.transcribe(500, 1_300)).text == "Hello there."
        assert texts(double) == []


async def test_flux_is_made_to_tell_when_the_audio_stops() -> None:
    double = DeepgramDouble(TWO)
    async with listening(double, FLUX, stall_ms=400) as (stream, told):
        speak(stream, MULAW_8K, 1_340)
        assert (await stream.transcribe(500, 1_300)).text == "Hello there."
        assert texts(double) == ["ForceEndTurn"]
        assert told.turns == []


async def test_what_was_said_before_the_connection_was_up_counts() -> None:
    double = DeepgramDouble(TWO, faults=[SlowHandshake(0.05)])
    async with listening(double) as (stream, _):
        speak(stream, MULAW_8K, 1_500)
        assert not double.lines
        assert (await stream.transcribe(500, 1_300)).text == "Hello there."


async def test_leaving_is_told() -> None:
    double = DeepgramDouble(TWO)
    async with listening(double) as (stream, told):
        speak(stream, MULAW_8K, 1_000)
        await until(lambda: audio_ms(double) == 1_000)
    await until(lambda: double.lines[0].closed)
    assert double.lines[0].sent[-1]["type"] == "Metadata"
    assert told.errors == []


async def test_nothing_is_sent_as_nothing() -> None:
    double = DeepgramDouble(TWO)
    async with listening(double) as (stream, told):
        stream.hear(b"")
        speak(stream, MULAW_8K, 1_000)
        await until(lambda: audio_ms(double) == 1_000)
        assert not double.lines[0].closed
        assert told.errors == []


async def test_a_closed_stream_transcribes_no_more() -> None:
    async with listening(DeepgramDouble(TWO, faults=[Stall()])) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        task = asyncio.create_task(stream.transcribe(500, 1_300))
        await asyncio.sleep(0)
        await stream.close()
        with pytest.raises(ProviderError, match="closed"):
            await task
        stream.hear(MULAW_8K.silence)
    assert told.errors == []


@pytest.mark.parametrize(
    ("fault", "status", "retryable"),
    [(Refuse(429, "Too many streams"), 429, True), (Refuse(503), 503, True), (Refuse(404, "No model"), 404, False)],
)
async def test_a_refused_handshake_is_told_with_its_reason(fault: Refuse, status: int, retryable: bool) -> None:
    async with listening(DeepgramDouble(TWO, faults=[fault])) as (stream, told):
        await until(lambda: told.errors)
        with pytest.raises(ProviderError) as caught:
            await stream.transcribe(0, 100)
    assert told.errors == [caught.value]
    assert (caught.value.status, caught.value.retryable) == (status, retryable)
    reason = f"{fault.message} (request 00000000-0000-4000-8000-000000000001)"
    assert str(caught.value) == f"deepgram:nova-3: HTTP {status}: {reason}"


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_connection_that_dies_is_told_once(model: str) -> None:
    async with listening(DeepgramDouble(TWO, faults=[Cut(1)]), model) as (stream, told):
        speak(stream, MULAW_8K, 2_500)
        await until(lambda: told.errors)
        with pytest.raises(ProviderError):
            await stream.transcribe(3_000, 3_900)
        speak(stream, MULAW_8K, 100)
    assert len(told.errors) == 1
    assert told.errors[0].retryable
    assert told.errors[0].status == 1006


async def test_the_vendors_idle_limit_is_an_end_like_others() -> None:
    async with listening(DeepgramDouble(TWO, idle_s=0.05)) as (_, told):
        await until(lambda: told.errors)
    assert (told.errors[0].status, told.errors[0].retryable) == (1011, True)
    assert "NET-0001" in str(told.errors[0])


async def test_a_mute_provider_is_given_up() -> None:
    async with listening(DeepgramDouble(TWO, faults=[Stall()]), stall_ms=200) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        with pytest.raises(ProviderError, match=r"no words within 0\.2 s") as caught:
            await stream.transcribe(500, 1_300)
        assert caught.value.retryable
        await until(lambda: told.errors)


async def test_a_provider_that_never_answers_is_given_up_without_being_asked() -> None:
    double = DeepgramDouble(TWO, faults=[Stall()])
    async with listening(double) as (stream, told):
        speak(stream, MULAW_8K, 14_000)
        await until(lambda: audio_ms(double) == 14_000)
        speak(stream, MULAW_8K, 1_100)
        await until(lambda: told.errors)
    assert "does not answer" in str(told.errors[0])


async def test_guesses_will_do_where_finalize_is_not_answered() -> None:
    # Three messages: speech started, an interim, an interim.
    async with listening(DeepgramDouble(TWO, faults=[Stall(3)]), stall_ms=200, endpointing_ms=2_000) as (stream, told):
        speak(stream, MULAW_8K, 2_000)
        await until(lambda: told.words[-1:] == ["Hello there."])
        assert (await stream.transcribe(500, 1_300)).text == "Hello there."


async def test_a_wrong_key_is_refused_and_stays_secret() -> None:
    async with DeepgramDouble(TWO, api_key="dg-right").serve() as url:
        factory = recognizer(url)
        with pytest.raises(ProviderError, match="Invalid credentials") as caught:
            await factory.check()
        await factory.close()
    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert KEY not in repr(factory) + repr(caught.value) + str(caught.value.__cause__) + str(caught.value.__context__)


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_good_key_passes(model: str) -> None:
    double = DeepgramDouble(TWO, api_key=KEY)
    async with double.serve() as url:
        factory = recognizer(url, model)
        await factory.check()
        await factory.close()
    assert double.lines[0].closed


async def test_nobody_there() -> None:
    async with DeepgramDouble(TWO).serve() as url:
        pass
    factory = recognizer(url)
    with pytest.raises(ProviderError, match="no connection") as caught:
        await factory.check()
    assert caught.value.retryable
    await factory.close()


def test_the_usual_model_and_address() -> None:
    factory = DeepgramRecognizer(SttSettings(kind="deepgram"))
    assert factory.name == "deepgram:nova-3"
    assert "https://api.deepgram.com/v1/listen" in repr(factory)
    assert "/v2/listen" in repr(DeepgramRecognizer(SttSettings(kind="deepgram", model="flux-general-multi")))


class VirtualLoop:
    """The part of an event loop that a timer needs, with time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, act: Callable[[], None]) -> "VirtualLoop":
        self.timers.append((when, act))
        return self

    def call_later(self, delay: float, act: Callable[[], None]) -> "VirtualLoop":
        return self.call_at(self.now + delay, act)

    def cancel(self) -> None:
        self.timers.clear()

    def run_until(self, end: float) -> None:
        while self.timers and self.timers[0][0] <= end:
            self.now, act = self.timers.pop(0)
            act()
        self.now = end


def test_a_silent_stream_is_kept_alive_every_four_seconds() -> None:
    loop = VirtualLoop()
    at: list[float] = []
    KeepAlive(4.0, lambda: at.append(loop.now), loop)  # type: ignore[arg-type]
    loop.run_until(113.0)
    assert at == [104.0, 108.0, 112.0]


def test_what_is_heard_keeps_it_alive_as_well() -> None:
    loop = VirtualLoop()
    at: list[float] = []
    alive = KeepAlive(4.0, lambda: at.append(loop.now), loop)  # type: ignore[arg-type]
    for _ in range(500):
        loop.run_until(loop.now + FRAME_MS / 1000)
        alive.touch()
    assert at == []
    loop.run_until(115.0)
    assert at == [pytest.approx(114.0)]


def test_keeping_alive_ends() -> None:
    loop = VirtualLoop()
    at: list[float] = []
    KeepAlive(4.0, lambda: at.append(loop.now), loop).stop()  # type: ignore[arg-type]
    KeepAlive(None, lambda: at.append(loop.now), loop).stop()  # type: ignore[arg-type]
    loop.run_until(120.0)
    assert at == []


async def test_streams_of_the_first_version_only_are_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[float | None] = []

    class Noted(KeepAlive):
        def __init__(self, every_s: float | None, act: Callable[[], None]) -> None:
            made.append(every_s)
            act()
            super().__init__(None, act)

    monkeypatch.setattr("offhook.providers.stt.deepgram.KeepAlive", Noted)
    double = DeepgramDouble(TWO)
    async with listening(double) as (_, told):
        await until(lambda: double.lines and double.lines[0].texts)
        assert texts(double) == ["KeepAlive"]
        assert told.errors == []
    async with listening(DeepgramDouble(TWO), FLUX):
        pass
    assert made == [4.0, None]


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_all_audio_that_the_server_got_is_told_as_used(model: str) -> None:
    double = DeepgramDouble(TWO)
    async with listening(double, model) as (stream, told):
        speak(stream, MULAW_8K, 2_000)
        await until(lambda: told.turns)
        speak(stream, MULAW_8K, 11_600)
    assert told.seconds == 13.6 == audio_ms(double) / 1_000
    assert len(told.usage) == 2, "ten seconds, and the rest"


async def test_a_stream_that_dies_has_used_what_it_was_sent() -> None:
    async with listening(DeepgramDouble(TWO, faults=[Cut(2)])) as (stream, told):
        speak(stream, MULAW_8K, 5_000)
        await until(lambda: told.errors)
        assert told.seconds == 5


async def test_a_stream_that_never_began_has_used_nothing() -> None:
    async with listening(DeepgramDouble(TWO, faults=[Refuse(503)])) as (stream, told):
        speak(stream, MULAW_8K, 15_000)
        await until(lambda: told.errors)
    assert told.usage == []
