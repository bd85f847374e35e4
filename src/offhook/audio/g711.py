"""ITU-T G.711, both laws, from and to signed 16-bit little-endian samples.

G.711 codes 14-bit (mu-law) and 13-bit (A-law) uniform values; a 16-bit sample becomes one by an arithmetic shift
right of two or three bits, and a decoded value comes back in the upper bits. Codes are as they travel on the wire:
mu-law with every bit inverted, A-law with the even bits inverted.
"""

import warnings

from offhook.errors import AudioError

with warnings.catch_warnings():
    # Until Python 3.12 the module warns of its removal; from 3.13 on, audioop-lts provides it under the same name.
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import audioop

__all__ = ["alaw_decode", "alaw_encode", "mulaw_decode", "mulaw_encode"]

_WIDTH = 2


def _whole(pcm: bytes) -> bytes:
    if len(pcm) % _WIDTH:
        raise AudioError(f"{len(pcm)} bytes are not whole 16-bit samples")
    return pcm


def mulaw_decode(codes: bytes) -> bytes:
    """pcm16 of mu-law codes, two bytes a code. The values reach +-32124."""
    return audioop.ulaw2lin(codes, _WIDTH)


def mulaw_encode(pcm: bytes) -> bytes:
    """mu-law codes of pcm16, one byte a sample. Raises AudioError where `pcm` is not whole samples."""
    return audioop.lin2ulaw(_whole(pcm), _WIDTH)


def alaw_decode(codes: bytes) -> bytes:
    """pcm16 of A-law codes, two bytes a code. The values reach +-32256."""
    return audioop.alaw2lin(codes, _WIDTH)


def alaw_encode(pcm: bytes) -> bytes:
    """A-law codes of pcm16, one byte a sample. Raises AudioError where `pcm` is not whole samples."""
    return audioop.lin2alaw(_whole(pcm), _WIDTH)
