"""What tests of recognisers that listen along share."""

from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.errors import ProviderError
from offhook.providers.stt.base import SpeechStream, Transcript, TurnSign
from offhook.providers.usage import Usage


class Told:
    """Writes down what a stream tells."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.turns: list[tuple[TurnSign, str]] = []
        self.errors: list[ProviderError] = []
        self.usage: list[Usage] = []

    @property
    def seconds(self) -> float:
        """How much was told to be used."""
        return round(sum(usage.seconds for usage in self.usage), 3)

    def on_words(self, words: Transcript) -> None:
        self.words.append(words.text)

    def on_turn(self, sign: TurnSign, text: str) -> None:
        self.turns.append((sign, text))

    def on_usage(self, usage: Usage) -> None:
        self.usage.append(usage)

    def on_failed(self, error: ProviderError) -> None:
        self.errors.append(error)


def speak(stream: SpeechStream, format: AudioFormat, ms: int) -> None:  # noqa: A002
    """So much silence, in which scripted ears hear their script."""
    for _ in range(ms // FRAME_MS):
        stream.hear(format.silence)
