from itertools import product

import pytest

from offhook.audio.convert import converter, decoder, encoder
from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat, Encoding
from offhook.audio.g711 import alaw_encode, mulaw_decode, mulaw_encode
from offhook.audio.levels import peak
from offhook.audio.resample import Resampler
from offhook.audio.tones import sine, white_noise
from offhook.errors import AudioError

FORMATS = [PCM_8K, PCM_16K, PCM_24K, MULAW_8K, ALAW_8K, AudioFormat(Encoding.ALAW, 16_000)]
VOICE = white_noise(60, 8_000, dbfs=-20)


@pytest.mark.parametrize("audio_format", FORMATS, ids=str)
def test_equal_formats_give_back_the_same_object(audio_format: AudioFormat) -> None:
    frame = bytes(bytearray(audio_format.silence))
    assert converter(audio_format, audio_format)(frame) is frame


@pytest.mark.parametrize(("src", "dst"), list(product(FORMATS, FORMATS)), ids=str)
def test_a_frame_gives_a_frame(src: AudioFormat, dst: AudioFormat) -> None:
    convert = converter(src, dst)
    for frames in (1, 1, 3):
        assert len(convert(src.silence * frames)) == dst.frame_bytes * frames


@pytest.mark.parametrize(("src", "dst"), list(product(FORMATS, [PCM_8K, PCM_16K, MULAW_8K])), ids=str)
def test_silence_stays_silence(src: AudioFormat, dst: AudioFormat) -> None:
    # A-law has no zero: its silence is a value of 8, which overshoots where it begins.
    quiet = converter(dst, PCM_8K)(converter(src, dst)(src.silence))
    assert peak(quiet) <= 10


def test_laws_are_looked_up() -> None:
    assert converter(PCM_8K, MULAW_8K)(VOICE) == mulaw_encode(VOICE)
    assert converter(MULAW_8K, PCM_8K)(mulaw_encode(VOICE)) == mulaw_decode(mulaw_encode(VOICE))


def test_law_to_law_is_what_decoding_and_encoding_give() -> None:
    codes = bytes(range(256))
    assert converter(MULAW_8K, ALAW_8K)(codes) == alaw_encode(mulaw_decode(codes))


def test_rates_are_resampled() -> None:
    assert converter(PCM_8K, PCM_24K)(VOICE) == Resampler(8_000, 24_000).process(VOICE)


def test_both_at_once() -> None:
    codes = mulaw_encode(VOICE)
    assert converter(MULAW_8K, PCM_24K)(codes) == Resampler(8_000, 24_000).process(mulaw_decode(codes))
    wide = sine(440, 60, 24_000)
    assert converter(PCM_24K, MULAW_8K)(wide) == mulaw_encode(Resampler(24_000, 8_000).process(wide))
    law_16k = AudioFormat(Encoding.ALAW, 16_000)
    expected = alaw_encode(Resampler(8_000, 16_000).process(mulaw_decode(codes)))
    assert converter(MULAW_8K, law_16k)(codes) == expected


def test_each_converter_has_its_own_past() -> None:
    one, other = converter(PCM_8K, PCM_16K), converter(PCM_8K, PCM_16K)
    first = one(VOICE)
    assert one(VOICE) != first
    assert other(VOICE) == first


@pytest.mark.parametrize(
    ("src", "dst", "size"), [(PCM_8K, PCM_16K, 300), (MULAW_8K, PCM_16K, 159), (PCM_8K, ALAW_8K, 3)]
)
def test_bytes_that_are_not_whole_are_refused(src: AudioFormat, dst: AudioFormat, size: int) -> None:
    with pytest.raises(AudioError, match="not whole"):
        converter(src, dst)(bytes(size))


@pytest.mark.parametrize("encoding", list(Encoding))
def test_decoders_and_encoders_agree(encoding: Encoding) -> None:
    coded = encoder(encoding)(VOICE)
    assert encoder(encoding)(decoder(encoding)(coded)) == coded
