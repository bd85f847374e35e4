"""What the agent may know of the business, written in TOML."""

from typing import Annotated

from pydantic import Field, field_validator

from offhook.providers.llm.flow.hours import Hours
from offhook.providers.llm.flow.patterns import Phrase
from offhook.providers.llm.flow.tables import Lines, Table

__all__ = ["Business", "CalendarRules", "Fact", "Facts"]


class Business(Table):
    """Whose phone this is."""

    name: str = Field(min_length=1)
    about: str = ""


class CalendarRules(Table):
    """How appointments are given. Times are minutes; the opening hours bound every slot."""

    slot_minutes: int = Field(60, ge=5, le=480)
    lead_minutes: int = Field(60, ge=0, description="no appointment sooner than this from now")
    days_ahead: int = Field(60, ge=1, le=730)
    at_once: int = Field(1, ge=1, le=100, description="appointments that fit into one slot")
    hours: Hours | None = Field(None, description="hours for appointments; the opening hours if not set")


class Fact(Table):
    """One thing callers ask about."""

    ask: Lines = Field((), description="phrases that ask for it")
    keywords: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    answer: Lines = Field(min_length=1)

    @field_validator("ask")
    @classmethod
    def _readable(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        for phrase in phrases:
            Phrase(phrase)
        return phrases


class Facts(Table):
    """A facts file."""

    business: Business
    hours: Hours = Hours()
    calendar: CalendarRules = CalendarRules()
    facts: tuple[Fact, ...] = ()

    @property
    def calendar_hours(self) -> Hours:
        """The hours in which appointments are given."""
        return self.calendar.hours or self.hours
