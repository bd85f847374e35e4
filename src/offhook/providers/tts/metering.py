"""What a voice is billed for: the characters it was asked for, or the seconds it spoke."""

from offhook.errors import ProviderError
from offhook.providers.tts.base import SpeechChunk
from offhook.providers.tts.timing import has_sound
from offhook.providers.usage import Usage, may_have_worked

__all__ = ["SpeechMeter"]


class SpeechMeter:
    """Counts one synthesis of `text`, from when it was asked for: whoever stops listening is billed all the same."""

    def __init__(self, text: str):
        self._text = text.strip()
        self._seconds = 0.0
        self._refused = False

    def came(self, chunk: SpeechChunk) -> None:
        """Sound came."""
        self._seconds += chunk.format.ms_in(len(chunk.audio)) / 1000

    def failed(self, error: ProviderError) -> None:
        """No more will come."""
        self._refused = not may_have_worked(error)

    @property
    def usage(self) -> Usage | None:
        """What it used; None for a voice that did nothing."""
        if not has_sound(self._text) or (self._refused and not self._seconds):
            return None
        return Usage(characters=len(self._text), seconds=round(self._seconds, 3))
