"""The dialect of Vobiz, beside another server's serialiser for it."""

import base64
from typing import Any

import numpy as np
import orjson
import pytest
from pipecat.frames.frames import EndFrame, InputAudioRawFrame, InterruptionFrame, OutputAudioRawFrame, StartFrame
from pipecat.serializers.vobiz import VobizFrameSerializer, parse_vobiz_start

from offhook.audio import g711
from offhook.audio.formats import MULAW_8K, PCM_8K
from offhook.carriers.media_stream.frames import VobizFrames
from offhook.carriers.media_stream.wire import Frames, Media, Started
from tests.carriers.media_stream.samples import CALL, STREAM, ULAW, VOBIZ_MEDIA, VOBIZ_START, start_with, text

LIMIT = 65_536
TONE = (8_000 * np.sin(np.arange(160) * 0.3)).astype("<i2").tobytes()


def started() -> VobizFrames:
    dialect = VobizFrames(MULAW_8K, LIMIT)
    dialect.read(text(VOBIZ_START))
    return dialect


def test_a_stop_ends_the_stream() -> None:
    assert orjson.loads(started().stop()) == {"event": "stop", "streamId": STREAM}


def test_a_stop_needs_no_id() -> None:
    assert orjson.loads(VobizFrames(MULAW_8K, LIMIT).stop()) == {"event": "stop"}


def test_no_keys_are_pressed_by_the_stream() -> None:
    dialect: Frames = started()
    assert dialect.dtmf("1") is None


class Receiver:
    """A socket from which one message can be had."""

    def __init__(self, message: str):
        self._message = message

    async def receive_text(self) -> str:
        return self._message


async def serialiser(**params: Any) -> VobizFrameSerializer:
    settings = VobizFrameSerializer.InputParams(sample_rate=8_000, hangup_method="ws_stop", **params)
    other = VobizFrameSerializer(STREAM, CALL, params=settings)
    await other.setup(StartFrame())
    return other


@pytest.mark.parametrize(
    "start", [text(VOBIZ_START), start_with(encoding="audio/x-l16", sampleRate="16000")], ids=["mulaw", "l16"]
)
async def test_both_read_the_same_start(start: str) -> None:
    theirs = await parse_vobiz_start(Receiver(start))
    ours = VobizFrames(MULAW_8K, LIMIT).read(start)
    assert isinstance(ours, Started)
    assert ours.format is not None
    assert (ours.stream_id, ours.call_id) == (theirs["stream_id"], theirs["call_id"])
    assert ours.format.rate == theirs["sample_rate"]


async def test_both_hear_the_same_caller() -> None:
    theirs = await (await serialiser()).deserialize(text(VOBIZ_MEDIA))
    ours = VobizFrames(MULAW_8K, LIMIT).read(text(VOBIZ_MEDIA))
    assert isinstance(theirs, InputAudioRawFrame)
    assert ours == Media(ULAW)
    assert theirs.audio == g711.mulaw_decode(ULAW)


async def test_both_play_the_same_mulaw() -> None:
    theirs = await (await serialiser()).serialize(OutputAudioRawFrame(TONE, 8_000, 1))
    assert theirs is not None
    payload = base64.b64decode(orjson.loads(theirs)["media"]["payload"])
    assert len(payload) == 160
    assert orjson.loads(started().audio(payload)) == orjson.loads(theirs)


async def test_both_play_the_same_linear_audio() -> None:
    other = await serialiser(encoding="audio/x-l16", l16_byte_order="le")
    theirs = await other.serialize(OutputAudioRawFrame(TONE, 8_000, 1))
    dialect = VobizFrames(PCM_8K, LIMIT)
    dialect.read(start_with(encoding="audio/x-l16", sampleRate=8000))
    assert theirs is not None
    assert orjson.loads(dialect.audio(TONE)) == orjson.loads(theirs)


async def test_both_clear_and_stop_in_the_same_words() -> None:
    other = await serialiser()
    cleared = await other.serialize(InterruptionFrame())
    stopped = await other.serialize(EndFrame())
    assert cleared is not None
    assert stopped is not None
    assert orjson.loads(started().clear()) == orjson.loads(cleared)
    assert orjson.loads(started().stop()) == orjson.loads(stopped)


async def test_what_a_server_says_is_no_event_of_a_carrier() -> None:
    other = await serialiser()
    dialect = started()
    for frame in (OutputAudioRawFrame(TONE, 8_000, 1), InterruptionFrame()):
        message = await other.serialize(frame)
        assert message is not None
        assert dialect.read(message) is None
    assert dialect.counters == {"unknown": 2}
