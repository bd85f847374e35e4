"""What can be said of a call before it is there: what its audio will be, and how long it may ring."""

from offhook.audio.formats import PCM_8K, AudioFormat
from offhook.calls.leg import CallOrigin
from offhook.carriers.media_stream.hooks import stream_format
from offhook.config import Settings

__all__ = ["ringing_s", "usual_format"]

_CONNECTING_S = 30.0


def usual_format(settings: Settings, carrier: str) -> AudioFormat:
    """What calls of `carrier` are in, as far as the settings tell; Asterisk decides it call by call."""
    streams = {"vobiz": settings.vobiz, "plivo": settings.plivo, "twilio": settings.twilio}
    return stream_format(streams[carrier])[1] if carrier in streams else PCM_8K


def ringing_s(settings: Settings, carrier: str, origin: CallOrigin) -> float:
    """How long after its announcement a call may come: one that we placed has to be answered by somebody first."""
    if origin.direction == "inbound":
        return _CONNECTING_S
    ringing = {
        "vobiz": settings.vobiz.ring_timeout_s,
        "plivo": settings.plivo.ring_timeout_s,
        "twilio": settings.twilio.ring_timeout_s,
        "asterisk": settings.asterisk.ring_timeout_s,
    }
    return _CONNECTING_S + ringing.get(carrier, 0)
