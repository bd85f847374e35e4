import pytest

from offhook.audio.formats import MULAW_8K
from offhook.errors import ProviderError
from offhook.providers.tts.base import SpeechChunk
from offhook.providers.tts.metering import SpeechMeter
from offhook.providers.usage import Usage

SOUND = SpeechChunk(bytes(800), MULAW_8K, ())


def given_up() -> ProviderError:
    error = ProviderError("nothing came for 1 s")
    error.__cause__ = TimeoutError()
    return error


def test_characters_asked_for_and_seconds_spoken() -> None:
    meter = SpeechMeter(" We open at eight. ")
    meter.came(SOUND)
    meter.came(SOUND)
    assert meter.usage == Usage(characters=17, seconds=0.2)


def test_who_refuses_has_done_nothing() -> None:
    meter = SpeechMeter("Hello.")
    meter.failed(ProviderError("no", status=429))
    assert meter.usage is None


@pytest.mark.parametrize("heard", [True, False])
def test_who_was_given_up_is_billed(heard: bool) -> None:
    meter = SpeechMeter("Hello.")
    if heard:
        meter.came(SOUND)
    meter.failed(given_up())
    assert meter.usage == Usage(characters=6, seconds=0.1 if heard else 0)


def test_who_dies_in_the_middle_is_billed() -> None:
    meter = SpeechMeter("Hello.")
    meter.came(SOUND)
    meter.failed(ProviderError("broke off"))
    assert meter.usage == Usage(characters=6, seconds=0.1)


def test_nobody_is_asked_for_what_has_no_sound() -> None:
    assert SpeechMeter("...").usage is None
