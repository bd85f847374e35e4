"""Names as callers give them: said, introduced, or spelled letter by letter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib.resources import files

from offhook.providers.llm.flow.words import Utterance

__all__ = ["FoundName", "amended_name", "find_name", "spelled"]

_MARKERS = (
    ("my", "full", "name", "is"),
    ("my", "first", "name", "is"),
    ("my", "name", "is"),
    ("the", "name", "is"),
    ("name", "is"),
    ("my", "names"),
    ("you", "can", "call", "me"),
    ("call", "me"),
    ("under", "the", "name", "of"),
    ("under", "the", "name"),
    ("name", "of"),
    ("this", "is"),
    ("it", "is"),
    ("that", "is"),
    ("i", "am"),
)
_WEAK = {("this", "is"), ("it", "is"), ("that", "is"), ("i", "am")}
_STOP = frozenset((files("offhook.providers.llm.flow") / "data" / "not_names.txt").read_text("utf-8").split())
_TITLES = {"mr", "mrs", "ms", "miss", "doctor", "dr", "mister"}
_PARTICLES = {"van", "von", "de", "der", "den", "la", "le", "da", "di", "del", "al", "bin", "ben", "o"}
_AS, _IN = {"as", "is"}, {"in", "a", "an"}
_LETTER_SOUNDS = {"8": "h", "eight": "h", "are": "r", "why": "y", "you": "u", "see": "c", "tea": "t", "kay": "k"}
_SPELL_JOINS = {"as", "for", "like"}
_SWAPS = {"k": "c", "c": "k", "j": "g", "g": "j", "z": "s", "s": "z", "y": "i", "i": "y", "f": "v", "v": "f"}
_QUESTIONS = frozenset(
    ["what", "how", "can", "could", "do", "does", "is", "are", "why", "when", "where", "which", "who"]
)
_MAX_WORDS = 4


@dataclass(frozen=True, slots=True)
class FoundName:
    """A name and the words it was made of."""

    name: str
    first: int
    last: int


def find_name(utterance: Utterance, *, asked: bool) -> FoundName | None:
    """The name in an utterance. When no name was `asked` for, only a clear introduction counts."""
    letters = _spelled_run(utterance)
    introduced = _introduced(utterance, asked=asked) or (_bare(utterance) if asked else None)
    if letters is None:
        return introduced
    if introduced is None:
        return letters if asked else None
    first, last = min(letters.first, introduced.first), max(letters.last, introduced.last)
    return FoundName(_merged(introduced.name, letters.name), first, last)


def spelled(name: str) -> str:
    """A name letter by letter: S-A-R-A-H."""
    words = re.split(r"[\s'-]+", name)
    return ", ".join("-".join(letter.upper() for letter in word if letter.isalpha()) for word in words if word)


def amended_name(old: str, utterance: Utterance) -> str | None:
    """`old` put right by "without an H" or "with a K". None if that was not said or cannot be done."""
    for how, word in re.findall(r"\b(without|with|no|not)(?: an?| the| letter)* (\w+)\b(?! as)", utterance.text):
        letter = _LETTER_SOUNDS.get(word, word)
        if len(letter) == 1 and letter.isalpha():
            return _swapped(old, letter) if how == "with" else _dropped(old, letter)
    return None


def _dropped(name: str, letter: str) -> str | None:
    at = name.casefold().rfind(letter)
    return (name[:at] + name[at + 1 :]).strip().title() if at >= 0 else None


def _swapped(name: str, letter: str) -> str | None:
    other = _SWAPS.get(letter, "")
    at = name.casefold().find(other) if other else -1
    return (name[:at] + letter + name[at + 1 :]).title() if at >= 0 and letter not in name.casefold() else None


def _spelled_run(utterance: Utterance) -> FoundName | None:
    """The longest run of single letters, with "as in Sam", "double L" and the groups of written hyphens."""
    runs = [run for at in range(len(utterance.words)) if (run := _letters_at(utterance, at))]
    return max(runs, key=lambda run: len(run.name), default=None)


def _letters_at(utterance: Utterance, first: int) -> FoundName | None:
    words, at, name, count = utterance.words, first, "", 0
    while at < len(words):
        letters, after = _letter_at(words, at)
        if not letters:
            break
        if name and _new_word(utterance, at, name):
            name += " "
        name, at, count = name + letters, after, count + len(letters)
    if count < 2 or (count < 3 and not _hinted(words, first)):
        return None
    return FoundName(" ".join(part.capitalize() for part in name.split()), first, at)


def _letter_at(words: Sequence[str], at: int) -> tuple[str, int]:
    word = words[at]
    if word == "double" and at + 1 < len(words) and len(words[at + 1]) == 1:
        return words[at + 1] * 2, at + 2
    if len(word) != 1 or not word.isalpha():
        return "", at
    if at + 3 < len(words) and words[at + 1] in _AS and words[at + 2] in _IN:
        return word, at + 4
    if at + 2 < len(words) and words[at + 1] in _SPELL_JOINS and len(words[at + 2]) > 1:
        return word, at + 3
    return word, at + 1


def _new_word(utterance: Utterance, at: int, so_far: str) -> bool:
    """ "T-O-M, B-A-K-E-R": hyphens bind letters, so anything else between two hyphenated runs parts words."""
    hyphenated = "-" in utterance.raw[: utterance.tokens[at].start][-6:]
    return hyphenated and "-" not in utterance.between(at - 1) and not so_far.endswith(" ") and len(so_far) > 1


def _hinted(words: Sequence[str], first: int) -> bool:
    return any(word in {"spell", "spelled", "spelling", "as"} for word in (*words[:first], *words[first : first + 3]))


def _introduced(utterance: Utterance, *, asked: bool) -> FoundName | None:
    words = utterance.words
    for at in range(len(words)):
        for marker in _MARKERS:
            if words[at : at + len(marker)] != marker:
                continue
            found = _name_from(utterance, at + len(marker), capitals=marker in _WEAK and not asked)
            if found:
                return FoundName(found.name, at, found.last)
    return _speaking(utterance)


def _speaking(utterance: Utterance) -> FoundName | None:
    """ "Tom Baker here", "Tom speaking"."""
    words = utterance.words
    for at, word in enumerate(words[:_MAX_WORDS]):
        if at and word in {"here", "speaking", "calling"} and all(_plausible(name) for name in words[:at]):
            return FoundName(_cased(utterance, 0, at), 0, at)
    return None


def _bare(utterance: Utterance) -> FoundName | None:
    words = utterance.words
    if words[:1] and words[0] in _QUESTIONS:
        return None
    first = next((at for at, word in enumerate(words) if _plausible(word) or word in _TITLES), None)
    if first is None or len([word for word in words if word in _STOP]) > 4:
        return None
    found = _name_from(utterance, first, capitals=False)
    rest = 0 if found is None else len([word for word in words[found.last :] if len(word) > 1 and word not in _STOP])
    return None if rest > 1 else found


def _name_from(utterance: Utterance, first: int, *, capitals: bool) -> FoundName | None:
    words = utterance.words
    while first < len(words) and words[first] in _TITLES | {"uh", "um", "er"}:
        first += 1
    last = first
    while last < len(words) and last - first < _MAX_WORDS and _plausible(words[last]):
        if last > first and re.search(r"[.,;!?]", utterance.between(last - 1)) and len(words[last - 1]) > 1:
            break
        last += 1
    while last > first and words[last - 1] in _PARTICLES - {"o", "ben", "al"}:
        last -= 1
    if last == first or (capitals and not utterance.part(first, last)[0].isupper()):
        return None
    return FoundName(_cased(utterance, first, last), first, last)


def _plausible(word: str) -> bool:
    return len(word) > 1 and word.isalpha() and word not in _STOP


def _cased(utterance: Utterance, first: int, last: int) -> str:
    written = utterance.part(first, last).split()
    return " ".join(_capital(word.strip(".,!?;:\"'")) for word in written)


def _capital(word: str) -> str:
    if word in _PARTICLES or not word:
        return word
    if word[0].isupper() and not word.isupper():
        return word.removesuffix("'s")
    return "'".join(part.capitalize() for part in word.split("'")).removesuffix("'S")


def _merged(said: str, letters: str) -> str:
    """The said name with the spelled letters in the place of the word they sound like."""
    if " " in letters:
        return letters
    words = said.split()
    likeness = [SequenceMatcher(None, word.casefold(), letters.casefold()).ratio() for word in words]
    best = max(range(len(words)), key=likeness.__getitem__)
    if likeness[best] >= 0.4:
        words[best] = letters
    elif len(words) == 1:
        words.append(letters)
    else:
        words[-1] = letters
    return " ".join(words)
