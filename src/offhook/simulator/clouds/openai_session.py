"""What the sessions of the double of OpenAI's Realtime API share: formats, and how strictly events are taken."""

import binascii
from base64 import b64decode
from collections.abc import Mapping

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_24K, AudioFormat

__all__ = ["FORMATS", "Wrong", "check_format", "check_known", "decoded_audio"]

FORMATS: Mapping[str, AudioFormat] = {"audio/pcm": PCM_24K, "audio/pcmu": MULAW_8K, "audio/pcma": ALAW_8K}


class Wrong(Exception):  # noqa: N818 - the event is wrong, nothing failed
    """What is wrong with an event of the client."""

    def __init__(self, message: str, code: str, param: str | None = None) -> None:
        self.error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
        super().__init__(message)


def check_format(given: object, param: str, fixed: AudioFormat | None) -> None:
    """See that `given` names a format, and `fixed` where there was audio in that already. Raises Wrong."""
    if not isinstance(given, dict) or given.get("type") not in FORMATS:
        raise Wrong(f"Invalid type for '{param}': expected an object.", "invalid_type", param)
    if given["type"] == "audio/pcm" and given.get("rate") != 24_000:
        raise Wrong("Only 24000 Hz is supported.", "invalid_value", f"{param}.rate")
    if fixed is not None and FORMATS[given["type"]] != fixed:
        raise Wrong("The format cannot be changed after audio was sent.", "invalid_value", param)


def check_known(value: object, known: Mapping[str, frozenset[str]], path: str = "session") -> None:
    """See that the objects at and below `path` have no names but those that are `known`. Raises Wrong."""
    if value is None or path not in known:
        return
    if not isinstance(value, dict):
        raise Wrong(f"Invalid type for '{path}': expected an object.", "invalid_type", path)
    for name, inner in value.items():
        if name not in known[path]:
            raise Wrong(f"Unknown parameter: '{path}.{name}'.", "unknown_parameter", f"{path}.{name}")
        check_known(inner, known, f"{path}.{name}")


def decoded_audio(audio: object) -> bytes:
    """The bytes of an event's audio. Raises Wrong."""
    try:
        return b64decode(str(audio or ""), validate=True)
    except binascii.Error:
        raise Wrong("Invalid 'audio': expected base64.", "invalid_value", "audio") from None
