"""What a recogniser that listens along is billed for: the seconds of audio that it was sent."""

from offhook.providers.usage import OnUsage, Usage

__all__ = ["AudioMeter"]

_EVERY_MS = 10_000


class AudioMeter:
    """Counts one stream, and tells `on_usage` about every 10 s of it. Audio counts once the provider has given a sign:
    until then it may not even be connected."""

    def __init__(self, on_usage: OnUsage):
        self._on_usage = on_usage
        self._sent_ms = 0.0
        self._told_ms = 0.0
        self._answered = False

    def sent(self, ms: float) -> None:
        """More audio was sent."""
        self._sent_ms += ms
        if self._answered and self._sent_ms - self._told_ms >= _EVERY_MS:
            self._tell(self._sent_ms)

    def answered(self) -> None:
        """The provider gave a sign."""
        self._answered = True

    def counted(self, seconds: float) -> None:
        """The provider tells how much audio it got in all; that much is billed, whatever was sent."""
        self.answered()
        self._sent_ms = max(self._told_ms, seconds * 1000)

    def close(self) -> None:
        """That was all."""
        if self._answered:
            self._tell(self._sent_ms)

    def _tell(self, until_ms: float) -> None:
        seconds = round((until_ms - self._told_ms) / 1000, 3)
        self._told_ms = until_ms
        if seconds > 0:
            self._on_usage(Usage(seconds=seconds))
