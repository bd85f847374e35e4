"""Finds in one utterance the values of as many slots as were said."""

from dataclasses import dataclass
from datetime import date, datetime

from offhook.providers.llm.flow.choices import Choices
from offhook.providers.llm.flow.dates import find_date
from offhook.providers.llm.flow.facts import Facts
from offhook.providers.llm.flow.mind import Mind
from offhook.providers.llm.flow.model import Flow, Slot, SlotKind
from offhook.providers.llm.flow.names import amended_name, find_name
from offhook.providers.llm.flow.numbers import cardinal_at
from offhook.providers.llm.flow.phones import DigitRun, amended, digit_runs
from offhook.providers.llm.flow.speech import spread
from offhook.providers.llm.flow.times import find_part, find_time
from offhook.providers.llm.flow.words import Utterance
from offhook.providers.llm.flow.yesno import polarity, without_polarity

__all__ = ["Extractor"]

_CUES = {"actually", "no", "sorry", "change", "wrong", "not", "instead", "rather", "correction", "meant", "make"}
_OWN_NUMBER = ("this number", "number i am calling from", "number i called from", "same number", "calling from now")
_NUMBER_LEADS = {
    "is",
    "number",
    "my",
    "phone",
    "the",
    "best",
    "plus",
    "at",
    "on",
    "me",
    "reach",
    "cell",
    "mobile",
    "and",
}
_CHOICES = {
    "first": 0,
    "earliest": 0,
    "soonest": 0,
    "soon": 0,
    "asap": 0,
    "anytime": 0,
    "earlier": 0,
    "either": 0,
    "any": 0,
    "second": 1,
    "third": 2,
}
_CHOICES |= {"last": -1, "latest": -1, "later": -1}
_EMPTY = frozenset(
    [
        "yes",
        "mm",
        "hm",
        "mhm",
        "huh",
        "ah",
        "er",
        "hmm",
        "yeah",
        "yep",
        "no",
        "nope",
        "ok",
        "sure",
        "right",
        "correct",
        "please",
        "thanks",
        "thank",
        "you",
        "uh",
        "um",
        "er",
        "hmm",
        "well",
        "so",
        "oh",
        "and",
        "hello",
        "hi",
        "hey",
        "it",
        "is",
        "that",
        "this",
        "a",
        "the",
        "i",
        "am",
        "just",
        "bye",
    ]
)
_NEW_CLAUSES = {(joint, who) for joint in ("and", "so", "but") for who in ("i", "we", "can", "could", "would")}
_ENDINGS = {"on", "at", "for", "in", "and", "by", "the", "please", "to", "this", "next", "of", "or"}
_OPENINGS = ("it is about", "it is regarding", "it is because", "i am calling about", "i am calling because", "about")
_KINDS: tuple[SlotKind, ...] = ("phone", "date", "time", "part", "number", "yes_no", "choice", "name", "text")


@dataclass(slots=True)
class _Rest:
    """What is left of an utterance as its words are used up."""

    utterance: Utterance

    def use(self, first: int, last: int) -> None:
        self.utterance = self.utterance.without(first, last)


class Extractor:
    """Finds slot values; one object per call."""

    def __init__(self, flow: Flow, facts: Facts, choices: Choices, caller_number: str):
        self.flow = flow
        self.facts = facts
        self.choices = choices
        self.caller_number = caller_number

    def find(self, utterance: Utterance, mind: Mind, now: datetime) -> dict[str, str]:
        """The slots named in `utterance`, with their new values."""
        found: dict[str, str] = {}
        rest = _Rest(utterance)
        for kind in _KINDS:
            name = self._target(kind, mind)
            value = self._value(kind, name, rest, mind, now) if name else None
            if value and value != mind.slots.get(name):
                found[name] = value
        return found

    def _target(self, kind: SlotKind, mind: Mind) -> str:
        """The slot that a value of this kind is meant for: the asked one, one of the state's, or any."""
        own = self.flow.states[mind.state].collect
        for name in (mind.question.subject, *own, *self.flow.slots):
            slot = self.flow.slots.get(name)
            if slot and slot.kind == kind:
                return name
        return ""

    def _value(self, kind: SlotKind, name: str, rest: _Rest, mind: Mind, now: datetime) -> str | None:
        asked = mind.question.subject == name and mind.question.kind != "offer"
        if kind == "phone":
            return self._phone(name, rest, mind, asked=asked)
        if kind == "name":
            return _name(name, rest, mind, asked=asked)
        if kind == "text":
            return _text(self.flow.slots[name], name, rest, mind, asked=asked)
        if kind == "choice":
            return self._choice(name, rest, mind, asked=asked or self._may_change(name, mind))
        if kind == "time":
            return self._time(rest, mind, now, asked=asked or self._may_change(name, mind))
        return _simple(kind, rest, now.date(), asked=asked or (kind == "date" and self._may_change(name, mind)))

    def _may_change(self, name: str, mind: Mind) -> bool:
        """Whether a menu stands open that sends a new value of this slot somewhere."""
        return mind.question.kind == "menu" and name in self.flow.states[mind.state].changed

    def _choice(self, name: str, rest: _Rest, mind: Mind, *, asked: bool) -> str | None:
        """What was chosen. Its words stay, since a text may have them too; what is settled is changed on request."""
        if name in mind.slots and not asked and not _CUES & set(rest.utterance.words):
            return None
        return self.choices.find(name, rest.utterance)

    def _phone(self, name: str, rest: _Rest, mind: Mind, *, asked: bool) -> str | None:
        old = mind.slots.get(name, "")
        if asked and self.caller_number and any(words in rest.utterance.text for words in _OWN_NUMBER):
            return self.caller_number
        runs = digit_runs(rest.utterance.words)
        long = [run for run in runs if len(run.digits) >= self.flow.slots[name].min_digits]
        if asked and mind.question.kind == "confirm" and old and runs:
            return self._used(rest, runs, amended(old, rest.utterance, self.flow.slots[name].usual_digits))
        if old and runs and "number" in rest.utterance.words and _CUES & set(rest.utterance.words):
            return self._used(rest, runs, amended(old, rest.utterance, self.flow.slots[name].usual_digits))
        if asked and runs:
            return self._used(rest, runs, _signed(rest.utterance, runs))
        return self._used(rest, long[:1], _signed(rest.utterance, long[:1])) if long else None

    @staticmethod
    def _used(rest: _Rest, runs: list[DigitRun], value: str | None) -> str | None:
        for run in runs:
            first = run.first
            while first > 0 and rest.utterance.words[first - 1] in _NUMBER_LEADS:
                first -= 1
            rest.use(first, run.last)
        return value

    def _time(self, rest: _Rest, mind: Mind, now: datetime, *, asked: bool) -> str | None:
        day = next(
            (mind.slots[name] for name, slot in self.flow.slots.items() if slot.kind == "date" and name in mind.slots),
            "",
        )
        opens, closes = self.facts.calendar_hours.limits(date.fromisoformat(day) if day else None)
        if asked and (chosen := _chosen(rest.utterance, mind)):
            return chosen
        found = find_time(rest.utterance, asked=asked, opens=opens, closes=closes)
        if found is None:
            return None
        rest.use(found.first, found.last)
        return found.at.isoformat("minutes")


def _chosen(utterance: Utterance, mind: Mind) -> str | None:
    """The time meant by "the first one", of those that were offered."""
    offered = mind.result.get("free")
    if not isinstance(offered, list) or not offered:
        return None
    offered = spread(offered)
    place = next((_CHOICES[word] for word in utterance.words if word in _CHOICES), None)
    if place is None:
        return str(offered[0]) if len(offered) == 1 and polarity(utterance) else None
    return str(offered[place]) if place < len(offered) else None


def _signed(utterance: Utterance, runs: list[DigitRun]) -> str:
    plus = runs[0].first > 0 and utterance.words[runs[0].first - 1] == "plus"
    return ("+" if plus else "") + "".join(run.digits for run in runs)


def _simple(kind: SlotKind, rest: _Rest, today: date, *, asked: bool) -> str | None:
    if kind == "date":
        day = find_date(rest.utterance, today, asked=asked)
        if day:
            rest.use(day.first, day.last)
        return day.day.isoformat() if day else None
    if kind == "part":
        part = find_part(rest.utterance)
        if part:
            rest.use(part[1], part[2])
        return part[0] if part else None
    if not asked:
        return None
    if kind == "yes_no":
        said = polarity(rest.utterance)
        return None if said is None else "yes" if said else "no"
    found = next(
        (number for at in range(len(rest.utterance.words)) if (number := cardinal_at(rest.utterance.words, at))), None
    )
    return None if found is None else str(found[0])


def _name(slot: str, rest: _Rest, mind: Mind, *, asked: bool) -> str | None:
    old = mind.slots.get(slot, "")
    if asked and old and (better := amended_name(old, rest.utterance)):
        return better
    if asked and mind.question.kind == "confirm":
        return _corrected_name(rest)
    found = find_name(rest.utterance, asked=asked)
    if found is None or (old and not asked and not _renames(rest.utterance)):
        return None
    rest.use(found.first, found.last)
    return found.name


def _renames(utterance: Utterance) -> bool:
    return "name is" in utterance.text or bool(_CUES & set(utterance.words))


def _corrected_name(rest: _Rest) -> str | None:
    """A name given instead of a yes."""
    said = polarity(rest.utterance)
    if said:
        return None
    found = find_name(without_polarity(rest.utterance), asked=said is False) or find_name(rest.utterance, asked=False)
    if found is None and said is None and len(rest.utterance.words) <= 4:
        found = find_name(rest.utterance, asked=True)
    return None if found is None else found.name


def _text(slot: Slot, name: str, rest: _Rest, mind: Mind, *, asked: bool) -> str | None:
    if asked:
        return _whole_answer(rest.utterance)
    if name in mind.slots:
        return None
    leads = [*((lead, False) for lead in slot.lead_outs), *((lead, True) for lead in slot.lead_ins)]
    found = [answer for lead, keep in leads if (answer := _led(rest.utterance, tuple(lead.split()), keep=keep))]
    return min(found, default=(0, None))[1]


def _whole_answer(utterance: Utterance) -> str | None:
    """All that was said, without "it's about"; None if there was nothing in it."""
    words = utterance.words
    if not any(word not in _EMPTY and word not in _ENDINGS for word in words if word):
        return None
    raw = utterance.raw.strip()
    for opening in _OPENINGS:
        length = len(opening.split())
        if words[:length] == tuple(opening.split()) and len(words) > length:
            raw = utterance.raw[utterance.tokens[length].start :]
            break
    return raw.strip(" .,;:!?") or None


def _led(utterance: Utterance, lead: tuple[str, ...], *, keep: bool) -> tuple[int, str] | None:
    """An answer nobody asked for, after these words, and the place of the words."""
    words = utterance.words
    for at in range(len(words) - len(lead)):
        if words[at : at + len(lead)] != lead:
            continue
        first, last = at if keep else at + len(lead), at + len(lead)
        while last < len(words) and words[last] and words[last : last + 2] not in _NEW_CLAUSES:
            last += 1
        while last > first and words[last - 1] in _ENDINGS:
            last -= 1
        content = sum(word not in _EMPTY for word in words[first:last])
        if content >= (2 if keep else 1) and last > at + len(lead):
            return at, utterance.part(first, last)
    return None
