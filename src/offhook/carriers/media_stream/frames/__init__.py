"""The dialects of the media stream, a file each, and which carrier speaks which."""

from collections.abc import Callable, Mapping

from offhook.audio.formats import AudioFormat
from offhook.carriers.media_stream.frames.plivo import PlivoFrames
from offhook.carriers.media_stream.frames.twilio import TwilioFrames
from offhook.carriers.media_stream.frames.vobiz import VobizFrames
from offhook.carriers.media_stream.wire import Frames
from offhook.config.carriers import CarrierName

__all__ = ["FRAMES", "PlivoFrames", "TwilioFrames", "VobizFrames"]

FRAMES: Mapping[CarrierName, Callable[[AudioFormat, int], Frames]] = {
    "vobiz": VobizFrames,
    "plivo": PlivoFrames,
    "twilio": TwilioFrames,
}
"""Each takes the format that the carrier was asked for, and the size in bytes that no message may exceed."""
