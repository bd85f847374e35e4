"""What a carrier is asked to call, press or play: checked before anything is sent."""

import re

from offhook.errors import CallError

__all__ = ["destination", "extension", "keys", "sound_url"]

_WRITTEN_WITH = re.compile(r"[ \t.()/-]")
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_SIP = re.compile(r"sips?:[A-Za-z0-9_.!~*'%+-]+@[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
_EXTENSION = re.compile(r"\+?[A-Za-z0-9*#][A-Za-z0-9_.*#-]{0,63}")
_KEYS = re.compile(r"[0-9*#A-DwW]{1,64}")


def destination(text: str) -> str:
    """A number without spaces and hyphens, or a SIP address as it is. Raises CallError for anything else.

    One number only: some carriers take several in one field, joined by signs of their own.
    """
    written = text.strip()
    if _SIP.fullmatch(written):
        return written
    number = _WRITTEN_WITH.sub("", written)
    if not _NUMBER.fullmatch(number):
        raise CallError(f'"{text[:40]}" is no telephone number; write it as +15550100, or as sip:name@host')
    return number


def extension(text: str) -> str:
    """An extension of a dialplan, or a number without spaces and hyphens. Raises CallError for anything else.

    Nothing that could be more than one argument of a dialplan, or a pattern, is an extension.
    """
    written = text.strip()
    number = _WRITTEN_WITH.sub("", written)
    chosen = number if _NUMBER.fullmatch(number) else written
    if not _EXTENSION.fullmatch(chosen):
        raise CallError(f'"{text[:40]}" is no extension; write it as 6001, +15550100 or sales')
    return chosen


def keys(text: str) -> str:
    """Keys to press: `0-9*#A-D`, and `w` or `W` for a pause. Raises CallError for anything else."""
    if not _KEYS.fullmatch(text):
        raise CallError(f'"{text[:40]}" are no keys; there are 0-9, *, #, A-D, and w for a pause')
    return text


def sound_url(text: str) -> str:
    """The address of a file that a carrier fetches. Raises CallError for any but http:// and https://."""
    if not text.startswith(("https://", "http://")):
        raise CallError(f'"{text[:80]}" is no address of a file; it begins with https://')
    return text
