"""Keys as sound, for carriers that cannot press them."""

from offhook.audio.convert import encoder
from offhook.audio.formats import AudioFormat
from offhook.audio.tones import dtmf, silence
from offhook.errors import AudioError, CallError

__all__ = ["key_tones"]

_PAUSES_MS = {"w": 500, "W": 1_000}


def key_tones(digits: str, format: AudioFormat) -> bytes:  # noqa: A002
    """Tones of `0-9*#A-D` and the pauses `w` and `W`, in `format`. Raises CallError for other keys."""
    try:
        sounds = [
            silence(_PAUSES_MS[key], format.rate) if key in _PAUSES_MS else dtmf(key, format.rate) for key in digits
        ]
    except AudioError as error:
        raise CallError(str(error)) from error
    return encoder(format.encoding)(b"".join(sounds))
