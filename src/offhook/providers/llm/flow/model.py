"""A flow file: states, intents, slots and lines, as tables."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from offhook.providers.llm.flow.patterns import Phrase
from offhook.providers.llm.flow.tables import Lines, Table

__all__ = ["Flow", "GlobalLines", "Intent", "Outcome", "Persona", "Slot", "SlotKind", "State"]

SlotKind = Literal["name", "phone", "text", "date", "time", "part", "yes_no", "number", "choice"]


def _check_phrases(phrases: tuple[str, ...]) -> tuple[str, ...]:
    for phrase in phrases:
        Phrase(phrase)
    return phrases


class Persona(Table):
    """Who speaks. Used for the instructions of a language model; the flow itself says only its lines."""

    name: str = "receptionist"
    manner: str = ""


class GlobalLines(Table):
    """Lines that belong to no state. Each is one line, or several that take turns."""

    not_understood: Lines = Field(min_length=1, description="before a question is asked again; the later the more help")
    yes_or_no: Lines = Field(min_length=1, description="when a yes or a no was needed")
    repeat: Lines = ()
    hold: Lines = Field(min_length=1)
    help: Lines = Field(min_length=1)
    spell: Lines = Field(min_length=1, description="{what} is the name letter by letter, or the number")
    nothing_to_spell: Lines = Field(min_length=1)
    dont_know: Lines = Field(min_length=1, description="a question without an answer; offers `fallback`")
    dont_know_now: Lines = Field(min_length=1, description="the same in the middle of something else")
    give_up: Lines = Field(min_length=1, description="when a question got no answer; offers `fallback`")
    changed: Lines = Field(min_length=1, description="after the caller put something right")
    tool_failed: Lines = Field(min_length=1, description="when a tool failed and the state says nothing of its own")


class Slot(Table):
    """One thing to find out."""

    kind: SlotKind
    about: str = Field("", description="what it is, for a language model")
    ask: Lines = Field(min_length=1)
    again: Lines = Field(min_length=1, description="after a first, second, ... answer that was not understood")
    confirm: Literal["no", "implicit", "explicit"] = "no"
    read_back: Lines = Field((), description="{value} is the answer; a question if `confirm` is explicit")
    wrong: Lines = Field((), description="when the caller says the answer was misheard")
    so_far: Lines = Field((), description="phone: after some of the digits; {value} is what there is")
    suggest: Lines = Field((), description="phone: offers the number the caller calls from as {value}")
    min_digits: int = Field(7, ge=2, le=15)
    usual_digits: int = Field(10, ge=2, le=15)
    max_digits: int = Field(15, ge=2, le=15)
    choices: dict[str, tuple[str, ...]] = Field({}, description="choice: each value, and the phrases that mean it")
    lead_ins: tuple[str, ...] = Field((), description="text: words that begin an answer nobody asked for, kept")
    lead_outs: tuple[str, ...] = Field((), description="text: the same, but not part of the answer")
    tries: int = Field(3, ge=1, le=6)
    give_up: str = Field("skip", description="after so many tries: skip, or the state to go to")

    @field_validator("choices")
    @classmethod
    def _readable(cls, choices: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for phrases in choices.values():
            _check_phrases(phrases)
        return choices


class Outcome(Table):
    """What follows from the result of a tool."""

    say: Lines = ()
    to: str = ""
    forget: tuple[str, ...] = ()
    fill: dict[str, str] = Field({}, description="slots that get their value from the result, such as {result.name}")


class Intent(Table):
    """Something a caller may want, and how it is said."""

    phrases: tuple[str, ...] = Field(min_length=1)
    about: str = Field("", description="what it is, for a language model")
    anywhere: bool = False
    say: Lines = ()
    to: str = ""
    does: Literal["", "repeat", "help", "hold", "spell"] = ""
    fills: str = Field("", description="slot of kind text that takes all of what was said")
    forget: tuple[str, ...] = ()

    @field_validator("phrases")
    @classmethod
    def _readable(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        return _check_phrases(phrases)


class State(Table):
    """A place in the conversation. Says, collects, calls its tool, then asks, goes on or ends the call."""

    say: Lines = ()
    collect: tuple[str, ...] = ()
    tool: str = ""
    arguments: dict[str, str] = {}  # noqa: RUF012
    outcomes: dict[str, Outcome] = Field({}, description="by the `status` of the tool's result; `error`, `else`")
    ask: Lines = ()
    back: Lines = Field((), description="asks again after something else came in between")
    again: Lines = ()
    on: dict[str, str] = Field({}, description="intent to state; `yes` and `no` are intents")
    changed: dict[str, str] = Field({}, description="slot to state: where to go when the caller puts it right")
    next: str = ""
    forget: tuple[str, ...] = Field((), description="slots to forget on leaving")
    tries: int = Field(3, ge=1, le=6)
    end: bool = Field(False, description="hang up")


class Flow(Table):
    """A flow file."""

    start: str
    lost: str = Field(description="the state that ends a call in which nothing is understood")
    fallback: str = Field(description="the state offered when the agent cannot help, such as taking a message")
    patience: int = Field(6, ge=2, le=20, description="turns in a row not understood before `lost`")
    persona: Persona = Persona()
    lines: GlobalLines
    heard: dict[str, str] = Field({}, description="what is misheard, and what was meant")
    intents: dict[str, Intent]
    slots: dict[str, Slot]
    states: Annotated[dict[str, State], Field(min_length=1)]
