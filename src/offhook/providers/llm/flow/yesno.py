"""Whether the caller said yes or no, in the many ways there are."""

from collections.abc import Sequence

from offhook.providers.llm.flow.words import Utterance

__all__ = ["polarity", "without_polarity"]

_NO_PHRASES = (
    "not right",
    "not correct",
    "not quite",
    "not really",
    "not it",
    "not my",
    "is not",
    "it is wrong",
    "is wrong",
    "is incorrect",
    "do not",
    "rather not",
    "no thank you",
    "no thanks",
)
_YES_PHRASES = (
    "that is right",
    "that is correct",
    "that is it",
    "that is fine",
    "that is good",
    "that is perfect",
    "that is my",
    "is right",
    "is correct",
    "all correct",
    "sounds good",
    "sounds right",
    "looks good",
    "go ahead",
    "you got it",
    "you have got it",
    "it is yes",
    "please do",
    "of course",
    "why not",
    "all right",
    "that works",
    "works for me",
    "i do",
    "it does",
)
_NO = {"no", "nope", "nah", "wrong", "incorrect", "negative", "never", "naw", "know"}
_YES = {
    "yes",
    "yeah",
    "yep",
    "yup",
    "ya",
    "yah",
    "sure",
    "correct",
    "right",
    "exactly",
    "ok",
    "alright",
    "absolutely",
    "definitely",
    "certainly",
    "perfect",
    "affirmative",
    "great",
    "fine",
    "indeed",
    "aye",
    "mhm",
    "please",
    "good",
    "yea",
    "yessir",
}
_FILLERS = {"uh", "um", "er", "well", "oh", "so", "hmm", "hm", "ah", "and", "sorry", "actually", "wait"}
_LEADS = _FILLERS | _YES | _NO | {"not", "that", "is", "it", "quite", "thanks", "thank", "you"}


def polarity(utterance: Utterance) -> bool | None:
    """True for yes, False for no, None for neither. Only what opens the utterance counts, or a whole short one."""
    words = _opening(utterance.words)
    if utterance.words[:2] == ("uh", "huh"):
        return True
    text = f" {' '.join(words)} "
    if any(f" {phrase} " in text for phrase in _NO_PHRASES):
        return False
    if any(f" {phrase} " in text for phrase in _YES_PHRASES):
        return True
    return _by_word(words)


def _opening(words: Sequence[str]) -> Sequence[str]:
    start = next((place for place, word in enumerate(words) if word and word not in _FILLERS), len(words))
    return words[start : start + 6]


def _by_word(words: Sequence[str]) -> bool | None:
    lead = words[:2] if len(words) > 3 else words
    said = [word in _YES for word in lead if word in _YES or word in _NO]
    if not said or (words[0] in {"please", "good", "great", "fine", "know"} and len(words) > 2):
        return None
    return said[-1] if said[0] else len(said) > 1 and said[1] and words[1] in {"yes", "yeah", "yep"}


def without_polarity(utterance: Utterance) -> Utterance:
    """The utterance after its opening "no, that's wrong," or "yes, and"."""
    words = utterance.words
    place = 0
    while place < len(words) and words[place] in _LEADS:
        place += 1
    while place > 0 and words[place - 1] in {"it", "that", "is"} and place < len(words):
        place -= 1
    return utterance.tail(place)
