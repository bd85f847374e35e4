"""Written text as words to be spoken, and the way back from what was spoken to what is written.

The synthesiser reads years, ordinals, cardinals and "9:30 AM" rightly; telephone numbers, codes, addresses on the
Internet and most abbreviations it does not. Those become words here.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from offhook.calls.abbreviations import DAYS, MONTHS, STREETS, TITLES, UNITS

__all__ = ["Span", "Spoken", "spell", "spoken"]

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SIGNS = {".": " dot ", "@": " at ", "-": " dash ", "_": " underscore ", "+": " plus ", "/": " slash ", ":": " colon "}
_CURRENCIES = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent")}
_PAUSES = {7: (3,), 10: (3, 6), 11: (1, 4, 7)}
_HINTS = {
    "B": "Bravo",
    "C": "Charlie",
    "D": "Delta",
    "E": "Echo",
    "F": "Frank",
    "G": "George",
    "M": "Mary",
    "N": "Nancy",
    "P": "Peter",
    "S": "Sam",
    "T": "Tom",
    "V": "Victor",
    "Z": "Zebra",
}

Pieces = Iterable[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of spoken text and the stretch of written text it stands for. Equal stretches map letter by letter."""

    start: int
    end: int
    written_start: int
    written_end: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """Text for the synthesiser. The spans follow one another and cover both texts."""

    text: str
    spans: tuple[Span, ...]

    def written_at(self, place: int) -> int:
        """The place in the written text up to which all was spoken, when `text[:place]` was spoken."""
        if not self.spans or place <= 0:
            return 0
        at = bisect_right(self.spans, place, key=lambda span: span.start) - 1
        span = self.spans[at]
        if place >= span.end:
            return span.written_end
        same = span.end - span.start == span.written_end - span.written_start
        return span.written_start + (place - span.start if same else 0)


def spoken(written: str) -> Spoken:
    """`written` as words for speech."""
    parts: list[str] = []
    spans: list[Span] = []
    done = at = 0
    for match in _RULES.finditer(written):
        pieces = [(written[done : match.start()], match.start() - done), *_pieces(match)]
        for text, length in pieces:
            if text or length:
                spans.append(Span(at, at + len(text), done, done + length))
                parts.append(text)
            at, done = at + len(text), done + length
    if rest := written[done:]:
        spans.append(Span(at, at + len(rest), done, len(written)))
        parts.append(rest)
    return Spoken("".join(parts), tuple(spans))


def spell(text: str, *, hints: bool = False) -> str:
    """Letter by letter: "S, A, R, A, H"; with `hints`, letters that sound alike get a word: "S as in Sam"."""
    return ", ".join(_letter(sign, hints=hints) for sign in text if sign.isalnum())


def _letter(sign: str, *, hints: bool) -> str:
    letter = sign.upper()
    if letter.isdecimal() and letter.isascii():
        return _DIGITS[int(letter)]
    return f"{letter} as in {_HINTS[letter]}" if hints and letter in _HINTS else letter


def _pieces(match: re.Match[str]) -> Pieces:
    rule = match.lastgroup or ""
    made = _MAKERS[rule](match[0])
    return [(made, len(match[0]))] if isinstance(made, str) else made


def _by_sign(written: str) -> Iterator[tuple[str, int]]:
    """A number digit by digit, a pause between its groups; each digit keeps its place."""
    open_group = False
    pauses = _PAUSES.get(len(written), ()) if written.isdecimal() else ()
    for place, sign in enumerate(written):
        digit = sign.isdecimal()
        if digit:
            yield (", " if place in pauses else " " if open_group else "") + _digit(sign), 1
        elif sign == "+":
            yield "plus ", 1
        else:
            more = any(later.isdecimal() for later in written[place:])
            yield (", " if open_group and more else ""), 1
        open_group = digit


def _digit(sign: str) -> str:
    return "oh" if sign == "0" else _DIGITS[int(sign)]


def _digits(written: str) -> str:
    return " ".join(_digit(sign) for sign in written if sign.isdecimal())


def _address(written: str) -> str:
    """An e-mail or web address."""
    bare = re.sub(r"^https?://", "", written, flags=re.IGNORECASE)
    end = bare[-1] if bare[-1] in ".,;:!?" else ""
    bare = bare.removesuffix(end).rstrip("/")
    words = re.sub(r"\d+", lambda match: f" {_digits(match[0])} ", bare.replace("www.", "w w w dot "))
    for sign, word in _SIGNS.items():
        words = words.replace(sign, word)
    return re.sub(r"\s+", " ", words).strip() + end


def _money(written: str) -> str:
    major, minor = _CURRENCIES[written[0]]
    whole, _, part = written[1:].strip().replace(",", "").partition(".")
    text = f"{whole} {major}{'' if int(whole) == 1 else 's'}"
    if not part or not int(part):
        return text
    cents = "pence" if minor == "penny" and int(part) != 1 else minor + ("" if int(part) == 1 else "s")
    return f"{text} and {int(part)} {cents}"


def _clock(written: str) -> str:
    """A time of the 24-hour clock."""
    hour, minute = (int(part) for part in written.split(":"))
    if hour == 12 and minute == 0:
        return "noon"
    minutes = f":{minute:02d}" if minute else ""
    return f"{(hour - 1) % 12 + 1}{minutes} {'AM' if hour < 12 else 'PM'}"


def _date(written: str) -> str:
    parts = [int(part) for part in re.split(r"[-/]", written)]
    year, month, day = parts if "-" in written else (parts[2], parts[0], parts[1])
    month, day = (day, month) if month > 12 else (month, day)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return _digits(written)
    return f"{MONTHS[month - 1]} {day}{_ending(day)}, {year + 2000 if year < 100 else year}"


def _ending(day: int) -> str:
    return "th" if 10 <= day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _code(written: str) -> str:
    """ "#48271" and "AB-1234": letters and digits one by one."""
    lead = "number " if written.startswith("#") else ""
    if lead and len(written) <= 3:
        return lead + written[1:]
    groups = re.findall(r"[A-Za-z]+|\d+", written)
    return lead + ", ".join(_digits(group) if group.isdecimal() else spell(group) for group in groups)


def _unit(written: str) -> str:
    number, unit = re.fullmatch(r"([\d.,]+)\s*(\D+)", written).groups()  # type: ignore[union-attr]
    one, many = UNITS[unit.rstrip(".")]
    return f"{number} {one if number == '1' else many}"


def _street(written: str) -> str:
    name, _, kind = written.rpartition(" ")
    return f"{name} {STREETS[kind.rstrip('.')]}"


def _title(written: str) -> str:
    return TITLES[written.casefold().rstrip(".")]


def _range(written: str) -> str:
    first, last = re.split(r"\s?[-\u2013]\s?", written)
    return f"{DAYS.get(first, first)} to {DAYS.get(last, last)}"


def _zip(written: str) -> str:
    """The digits after a state or the word zip; what stands before stays."""
    lead, digits = re.fullmatch(r"(\D+)([\d-]+)", written).groups()  # type: ignore[union-attr]
    return lead + ", ".join(_digits(group) for group in digits.split("-"))


def _spaced(word: str) -> Callable[[str], str]:
    return lambda _: f" {word} "


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_MAKERS: dict[str, Callable[[str], str | Pieces]] = {
    "email": _address,
    "url": _address,
    "date": _date,
    "money": _money,
    "clock": _clock,
    "zip": _zip,
    "years": _range,
    "span": _range,
    "phone": _by_sign,
    "letters": spell,
    "code": _code,
    "unit": _unit,
    "street": _street,
    "title": _title,
    "always": lambda _: "24 7",
    "both": lambda _: "and or",
    "either": lambda _: " or ",
    "percent": lambda _: " percent",
    "and": _spaced("and"),
    "at": _spaced("at"),
    "mark": lambda _: "",
}
_DAY = _any(DAYS)
_RULES = re.compile(
    rf"""
    (?P<email>   [\w.+-]+@[\w-]+(?:\.[\w-]+)+ )
  | (?P<url>     https?://\S*[\w/] | www\.[\w.-]+\w(?:/[\w./-]*)?
               | \b[\w-]{{2,}}(?:\.[\w-]+)*\.(?:com|org|net|io|edu|gov|co\.uk)\b(?:/[\w./-]*\w)? )
  | (?P<date>    (?<![\w/-])(?:[12]\d{{3}}-[01]\d-[0-3]\d|\d{{1,2}}/\d{{1,2}}/(?:\d{{4}}|\d\d))(?![\w/-]) )
  | (?P<money>   [$£€][ ]?(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]+)(?:\.[0-9]{{2}})?(?![0-9]) )
  | (?P<clock>   (?<![\d:.])(?:(?:1[2-9]|2[0-3]|0[0-9]):[0-5][0-9])(?![\d:])(?!\s?[aApP]\.?[mM]) )
  | (?P<zip>     (?:\b[A-Z]{{2}}|\b(?i:zip)(?:[ ]code)?(?:[ ]is)?:?)[ ][0-9]{{5}}(?:-[0-9]{{4}})?(?![\w-]) )
  | (?P<years>   (?<![\w-])(?:19|20)[0-9]{{2}}[ ]?[-\u2013][ ]?(?:19|20)[0-9]{{2}}(?![\w-]) )
  | (?P<phone>   (?<![\w$£€.,:/-])(?:
                   \+[0-9]{{1,3}}(?:[ .-]?\(?[0-9]{{1,5}}\)?){{1,5}}
                 | (?:1[ .-])?\([0-9]{{2,5}}\)[ .-]?[0-9]{{3,4}}(?:[ .-]?[0-9]{{2,4}}){{0,2}}
                 | [0-9]{{3}}[ ][0-9]{{3}}[ ][0-9]{{4}}
                 | (?:[0-9]{{1,5}}-)?[0-9]{{3,5}}(?:-[0-9]{{1,5}})+
                 | [0-9]{{3}}\.[0-9]{{3}}\.[0-9]{{4}}
                 | [0-9]{{7,15}}
                 | 0[0-9]+
                 )(?![\w-]|[.,:/][0-9]) )
  | (?P<span>    (?<![\w.:/-])(?:
                   (?:{_DAY})[ ]?[-\u2013][ ]?(?:{_DAY}) | [0-9]{{1,2}}[ ]?[-\u2013][ ]?[0-9]{{1,2}}
                 )(?![\w-]|[.:/][0-9]) )
  | (?P<letters> \b[A-Z](?:-[A-Z])+\b(?!-) )
  | (?P<code>    \#[0-9]+\b | (?<![\w-])(?=[A-Z]*[0-9]*[A-Z]*-?[0-9]{{2}})[A-Z]{{1,5}}-?[0-9]{{2,}}(?![\w-]) )
  | (?P<unit>    (?<![\w.,$£€])[0-9]+(?:[.,][0-9]+)*\s?(?:{_any(UNITS)})(?!\w)(?:\.(?!\s*$|\s+[A-Z]))? )
  | (?P<street>  \b[A-Z][a-z]+[ ](?:{_any(STREETS)})(?!\w)(?:\.(?!\s*$|\s+[A-Z]))? )
  | (?P<title>   (?i:(?<![\w.])(?:{_any(TITLES)})\.(?=\W|$)) )
  | (?P<always>  \b24/7\b )
  | (?P<both>    \band/or\b )
  | (?P<either>  (?<=[a-z])/(?=[a-z]) )
  | (?P<percent> (?<=[0-9])\s?% )
  | (?P<and>     \s*&\s* )
  | (?P<at>      \s*@\s* )
  | (?P<mark>    [*_`~^|<>{{}}\[\]\\\u200b-\u200f\ufe0f\U0001f000-\U0001faff\u2600-\u27bf]+ | (?m:^)\#+\s )
    """,
    re.VERBOSE,
)
