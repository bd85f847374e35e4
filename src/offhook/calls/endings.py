"""Rules on words: whether an utterance expects more, and whether it asks for the floor at all."""

import re
from collections.abc import Collection

__all__ = ["begins_backchannel", "is_backchannel", "is_unfinished", "plain_words"]

_EXPECTING = frozenset(
    (
        "a an and as at because but by can could for from had has have he his i i'd i'll i'm i've if in into is "
        "it's its like may might my of on or our she so than that's the their then there's they to um uh er erm hmm "
        "was we what when where which who will with would your"
    ).split()
)
_WORD = re.compile(r"(?:[^\W\d_]|')+|\d+")
_NUMBER_INTRO = re.compile(r"\b(?:number|phone|cell|mobile|call me|reach me|zip|code)\b")
_DIGIT_WORDS = frozenset("zero oh one two three four five six seven eight nine double triple".split())
_TELEPHONE_DIGITS = 7
_FEW_DIGITS = 3
_TRAILING_OFF = ("...", "…", ",", "-", "—")


def plain_words(text: str) -> list[str]:
    """The words of `text` in lower case without punctuation; runs of digits are words."""
    return _WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def is_unfinished(text: str, language: str = "en") -> bool:
    """Whether the words expect more: a function word at the end, which is known of English only, or part of a telephone
    number."""
    words = plain_words(text)
    if not words:
        return False
    expecting = language == "en" and words[-1] in _EXPECTING
    if text.rstrip().endswith(_TRAILING_OFF) or expecting:
        return not text.rstrip().endswith("?")
    return _is_partial_number(text.lower(), words)


def _is_partial_number(text: str, words: list[str]) -> bool:
    digits = sum(len(word) if word.isdigit() else word in _DIGIT_WORDS for word in words)
    if digits >= _TELEPHONE_DIGITS:
        return False
    bare = all(word.isdigit() or word in _DIGIT_WORDS for word in words)
    return (bare and digits >= _FEW_DIGITS) or (digits > 0 and _NUMBER_INTRO.search(text) is not None)


def is_backchannel(text: str, backchannels: Collection[str], *, heard: str, remaining_ms: float) -> bool:
    """Whether `text`, said over the agent, only shows that the caller listens.

    It is an answer instead when the agent had `heard` as far as a question mark, or had little left to say.
    """
    if remaining_ms < 1_000 or "?" in heard:
        return False
    return not _beyond(text, backchannels)


def begins_backchannel(text: str, backchannels: Collection[str]) -> bool:
    """Whether `text`, of which more is being said, may still become nothing but backchannels."""
    rest = _beyond(text, backchannels)
    return any(_flat(phrase).startswith(rest) for phrase in backchannels)


def _beyond(text: str, backchannels: Collection[str]) -> str:
    """What of `text` is no backchannel."""
    words = _flat(text)
    for phrase in sorted(map(_flat, backchannels), key=len, reverse=True):
        words = re.sub(rf"\b{re.escape(phrase)}\b", "", words)
    return words.strip()


def _flat(text: str) -> str:
    return " ".join(plain_words(text.replace("-", " ")))
