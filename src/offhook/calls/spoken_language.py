"""Which of an agent's languages its caller speaks, judged by what a recogniser makes of each utterance. No I/O."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

from offhook.providers.stt.base import Transcript

__all__ = ["SpokenLanguage"]

_LEAST_MS = 800
_LEAST_WORDS = 2
_SURE = 0.8
_NOT_FOREIGN = 0.25
_LETTERS_A_WORD = 2
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


class SpokenLanguage:
    """`mode` is that of `agents.<name>.detect_language`: with first, one clear utterance settles it.

    An utterance is clear if it has two words and `_LEAST_MS` of length at least, if one of the `languages` is far more
    likely than all the others, and if it is none of those that the agent does not speak. So "okay", a name, or a
    caller whose words were hardly heard change nothing.
    """

    def __init__(self, mode: Literal["off", "first", "always"], languages: Sequence[str]):
        self._mode = mode
        self._languages = tuple(languages) if len(languages) > 1 else ()
        self._settled = mode == "off"

    @property
    def asked(self) -> tuple[str, ...]:
        """The languages that are to be told apart in the next utterance; none if it does not matter."""
        return () if self._settled else self._languages

    def judge(self, transcript: Transcript, length_ms: int) -> str:
        """The language of an utterance; empty if that is not clear."""
        if not self.asked or length_ms < _LEAST_MS or _words(transcript.text) < _LEAST_WORDS:
            return ""
        return _clear(transcript.languages, self._languages)

    def settle(self, language: str) -> None:
        """An utterance was answered in `language`, if that is clear, or the agent was told to speak it."""
        self._settled = self._settled or bool(language and self._mode == "first")


def _clear(told: Mapping[str, float], spoken: Sequence[str]) -> str:
    shares = {code: told.get(code, 0.0) for code in spoken}
    best = max(shares, key=lambda code: shares[code])
    likely = shares[best] >= _NOT_FOREIGN
    return best if likely and shares[best] >= _SURE * sum(shares.values()) else ""


def _words(text: str) -> int:
    unspaced = sum(unicodedata.name(letter, "").startswith(_UNSPACED) for letter in text)
    return unspaced // _LETTERS_A_WORD if unspaced else len(text.split())
