import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_24K, AudioFormat
from offhook.providers.realtime.item_audio import ItemAudio


@pytest.mark.parametrize("wire", [MULAW_8K, PCM_24K])
def test_audio_that_stays_as_it_is_passes_at_once(wire: AudioFormat) -> None:
    item = ItemAudio(wire, wire)
    assert item.take(b"\x01" * 34) == b"\x01" * 34
    assert item.finish() == b""
    assert item.received_ms == int(wire.ms_in(34))


def test_samples_are_not_torn() -> None:
    item = ItemAudio(PCM_24K, PCM_24K)
    assert item.take(b"abc") == b"ab"
    assert item.take(b"d") == b"cd"


def test_other_audio_leaves_in_frames_and_its_end_is_filled_up() -> None:
    item = ItemAudio(PCM_24K, PCM_8K)
    assert item.take(bytes(PCM_24K.frame_bytes - 2)) == b""
    assert item.take(bytes(PCM_24K.frame_bytes + 4)) == bytes(2 * PCM_8K.frame_bytes)
    assert item.take(bytes(10)) == b""
    assert item.finish() == bytes(PCM_8K.frame_bytes)
    assert item.finish() == b""
