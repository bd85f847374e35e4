import orjson

from offhook.audio.formats import MULAW_8K
from offhook.carriers.media_stream.frames.common import CarrierFrames
from offhook.carriers.media_stream.frames.reader import Reader, stopped
from offhook.carriers.media_stream.wire import Stopped


class PlainFrames(CarrierFrames):
    """A dialect that counts how often it was asked what surrounds audio."""

    def __init__(self) -> None:
        super().__init__(Reader({"stop": stopped}, frozenset({MULAW_8K}), MULAW_8K, 1_000))
        self.built = 0

    def _silent_audio(self) -> str:
        self.built += 1
        return orjson.dumps({"to": self.stream.id, "media": {"payload": ""}}).decode()


def test_audio_is_put_into_the_message_of_the_carrier() -> None:
    frames = PlainFrames()
    assert orjson.loads(frames.audio(b"\xff\x00\x7f")) == {"to": "", "media": {"payload": "/wB/"}}


def test_what_surrounds_it_is_built_once_a_stream() -> None:
    frames = PlainFrames()
    frames.audio(b"a"), frames.audio(b"b")
    assert frames.built == 1
    frames.read('{"event":"start","start":{"streamSid":"s-1"}}')
    texts = [frames.audio(b"a"), frames.audio(b"b")]
    assert (frames.built, [orjson.loads(text)["to"] for text in texts]) == (2, ["s-1", "s-1"])


def test_it_reads_and_counts_what_its_reader_does() -> None:
    frames = PlainFrames()
    assert frames.read('{"event":"stop","stop":{"reason":"bye"}}') == Stopped("bye")
    assert frames.read("nonsense") is None
    assert (frames.stream.format, sum(frames.counters.values())) == (MULAW_8K, 1)
