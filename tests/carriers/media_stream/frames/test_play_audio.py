"""What Vobiz and Plivo have in common."""

import base64

import orjson
import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.carriers.media_stream.frames import PlivoFrames, VobizFrames
from offhook.carriers.media_stream.frames.play_audio import PlayAudioFrames
from offhook.carriers.media_stream.wire import Cleared, Played
from tests.carriers.media_stream.samples import (
    PAYLOAD,
    PLIVO_CLEARED,
    PLIVO_PLAYED,
    STREAM,
    ULAW,
    VOBIZ_CLEARED,
    VOBIZ_MEDIA,
    VOBIZ_OLD_CLEARED,
    VOBIZ_OLD_PLAYED,
    VOBIZ_PLAYED,
    VOBIZ_START,
    text,
)

LIMIT = 65_536


@pytest.fixture(params=[VobizFrames, PlivoFrames])
def dialect(request: pytest.FixtureRequest) -> PlayAudioFrames:
    kind: type[VobizFrames | PlivoFrames] = request.param
    return kind(MULAW_8K, LIMIT)


@pytest.fixture
def started(dialect: PlayAudioFrames) -> PlayAudioFrames:
    dialect.read(text(VOBIZ_START))
    return dialect


@pytest.mark.parametrize("message", [VOBIZ_PLAYED, VOBIZ_OLD_PLAYED, PLIVO_PLAYED])
def test_a_played_checkpoint_is_known_by_its_name(dialect: PlayAudioFrames, message: object) -> None:
    assert dialect.read(text(message)) == Played("greeting_checkpoint")


def test_a_name_may_come_back_as_a_number(dialect: PlayAudioFrames) -> None:
    assert dialect.read(text({"event": "playedStream", "name": 7})) == Played("7")


def test_a_name_is_not_trimmed(dialect: PlayAudioFrames) -> None:
    assert dialect.read(text({"event": "playedStream", "name": " a "})) == Played(" a ")


@pytest.mark.parametrize("name", ["", None, [], {}])
def test_a_checkpoint_without_a_name_is_counted(dialect: PlayAudioFrames, name: object) -> None:
    assert dialect.read(text({"event": "playedStream", "name": name})) is None
    assert dialect.counters == {"unusable": 1}


@pytest.mark.parametrize("message", [VOBIZ_CLEARED, VOBIZ_OLD_CLEARED, PLIVO_CLEARED, {"event": "clearedAudio"}])
def test_a_cleared_buffer(dialect: PlayAudioFrames, message: object) -> None:
    assert dialect.acknowledges_clear
    assert dialect.read(text(message)) == Cleared()


def test_audio_is_addressed_and_names_its_format(started: PlayAudioFrames) -> None:
    assert orjson.loads(started.audio(ULAW)) == {
        "event": "playAudio",
        "streamId": STREAM,
        "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": PAYLOAD},
    }


@pytest.mark.parametrize("audio_format", [PCM_8K, PCM_16K, PCM_24K])
def test_linear_audio(audio_format: AudioFormat) -> None:
    message = orjson.loads(VobizFrames(audio_format, LIMIT).audio(audio_format.silence))
    assert message["media"]["contentType"] == "audio/x-l16"
    assert message["media"]["sampleRate"] == audio_format.rate
    assert base64.b64decode(message["media"]["payload"]) == audio_format.silence


def test_what_is_sent_to_an_unknown_stream_bears_no_id(dialect: PlayAudioFrames) -> None:
    assert orjson.loads(dialect.clear()) == {"event": "clearAudio"}
    assert "streamId" not in orjson.loads(dialect.audio(ULAW))


def test_the_id_is_used_as_soon_as_it_is_known(dialect: PlayAudioFrames) -> None:
    dialect.audio(ULAW)
    dialect.read(text({"event": "start"}))
    dialect.read(text(VOBIZ_MEDIA))
    assert orjson.loads(dialect.audio(ULAW))["streamId"] == STREAM
    assert orjson.loads(dialect.clear())["streamId"] == STREAM


def test_checkpoint_and_clear(started: PlayAudioFrames) -> None:
    assert orjson.loads(started.mark("a")) == {"event": "checkpoint", "streamId": STREAM, "name": "a"}
    assert orjson.loads(started.clear()) == {"event": "clearAudio", "streamId": STREAM}


def test_an_id_is_escaped(dialect: PlayAudioFrames) -> None:
    dialect.read(text({"event": "start", "streamId": 's"}}'}))
    assert orjson.loads(dialect.audio(ULAW))["streamId"] == 's"}}'
    assert orjson.loads(dialect.audio(ULAW))["media"]["payload"] == PAYLOAD
