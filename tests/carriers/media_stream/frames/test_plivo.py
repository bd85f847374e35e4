"""The dialect of Plivo, judged by the models of Plivo's own stream SDK."""

from typing import Any

import orjson
import pytest
from plivo_stream.base import BaseStreamingHandler
from plivo_stream.types import (
    CheckpointEvent,
    ClearAudioEvent,
    ClearedAudioEvent,
    DtmfEvent,
    MediaEvent,
    PlayAudioEvent,
    PlayedStreamEvent,
    StartEvent,
)

from offhook.audio.formats import MULAW_8K, PCM_16K, AudioFormat
from offhook.carriers.media_stream.frames import PlivoFrames
from offhook.carriers.media_stream.wire import Cleared, Frames, KeyPressed, Media, Played, Started
from offhook.errors import CallError
from tests.carriers.media_stream.samples import (
    CALL,
    PAYLOAD,
    PLIVO_CLEARED,
    PLIVO_DTMF,
    PLIVO_MEDIA,
    PLIVO_PLAYED,
    PLIVO_START,
    STREAM,
    ULAW,
    text,
)

LIMIT = 65_536


def started(asked: AudioFormat = MULAW_8K) -> PlivoFrames:
    dialect = PlivoFrames(asked, LIMIT)
    start = {key: value for key, value in PLIVO_START["start"].items() if key != "mediaFormat"}
    dialect.read(text({**PLIVO_START, "start": start}))
    return dialect


def test_a_start_carries_the_headers_of_its_order() -> None:
    event = PlivoFrames(MULAW_8K, LIMIT).read(text(PLIVO_START))
    assert event == Started(STREAM, CALL, MULAW_8K, {"userId": "12345", "sessionId": "abc"})


def test_headers_may_be_json() -> None:
    event = PlivoFrames(MULAW_8K, LIMIT).read(text({**PLIVO_START, "extra_headers": '{"userId":"12345"}'}))
    assert isinstance(event, Started)
    assert event.parameters == {"userId": "12345"}


def test_the_stream_ends_with_its_socket() -> None:
    dialect: Frames = started()
    assert dialect.stop() is None


def test_keys_are_pressed_by_the_stream() -> None:
    assert orjson.loads(started().dtmf("12*#A")) == {"event": "sendDTMF", "streamId": STREAM, "dtmf": "12*#A"}


@pytest.mark.parametrize("digits", ["", "w1", "1 2", "E", "\uff11"])
def test_what_is_no_key_is_not_pressed(digits: str) -> None:
    with pytest.raises(CallError):
        started().dtmf(digits)


@pytest.mark.parametrize(
    ("message", "model", "event"),
    [
        (PLIVO_START, StartEvent, None),
        (PLIVO_MEDIA, MediaEvent, Media(ULAW)),
        (PLIVO_DTMF, DtmfEvent, KeyPressed("5")),
        (PLIVO_PLAYED, PlayedStreamEvent, Played("greeting_checkpoint")),
        (PLIVO_CLEARED, ClearedAudioEvent, Cleared()),
    ],
)
def test_what_the_sdk_accepts_is_read(message: dict[str, Any], model: Any, event: object) -> None:
    model.model_validate(message, strict=True)
    heard = PlivoFrames(MULAW_8K, LIMIT).read(text(message))
    assert heard == event or isinstance(heard, Started)


@pytest.mark.parametrize("audio_format", [MULAW_8K, PCM_16K])
def test_the_sdk_accepts_our_audio(audio_format: AudioFormat) -> None:
    message = started(audio_format).audio(ULAW)
    accepted = PlayAudioEvent.model_validate_json(message, strict=True)
    assert accepted.media.sample_rate == audio_format.rate
    assert accepted.media.payload == PAYLOAD


def test_the_sdk_accepts_our_checkpoint_and_clear() -> None:
    checkpoint = CheckpointEvent.model_validate_json(started().mark("a"), strict=True)
    clear = ClearAudioEvent.model_validate_json(started().clear(), strict=True)
    assert (checkpoint.stream_id, checkpoint.name, clear.stream_id) == (STREAM, "a", STREAM)


class Handler(BaseStreamingHandler):  # type: ignore[misc]
    """The SDK's server, which remembers what it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []

    async def _send_raw(self, data: str) -> None:
        self.sent.append(orjson.loads(data))


async def test_we_say_what_the_sdk_says() -> None:
    handler = Handler()
    await handler._process_message(text(PLIVO_START))
    await handler.send_media(ULAW)
    await handler.send_checkpoint("a")
    await handler.send_clear_audio()
    ours = [orjson.loads(message) for message in (started().audio(ULAW), started().mark("a"), started().clear())]
    # The SDK leaves audio without an address, and we do not.
    assert ours[0].pop("streamId") == STREAM
    assert ours == handler.sent
