"""What the backend is asked: bodies and queries, checked."""

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["Lead", "Part", "Phone", "Query", "Service", "Text", "Visit", "digits"]

Service = Literal["plumbing", "electrical", "heating", "drainage", "locksmith"]
Part = Literal["morning", "afternoon", "evening"]

_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?) ?\d[A-Z]{2}\b")


def digits(number: str) -> str:
    """The digits of a telephone number. Raises ValueError if there are too few."""
    found = "".join(char for char in number if char.isascii() and char.isdigit())
    if not 5 <= len(found) <= 15:
        raise ValueError("a telephone number has five to fifteen digits")
    return found


Phone = Annotated[str, Field(max_length=40), AfterValidator(digits)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Query(_Shape):
    """Which visits are possible: anywhere if there is no postcode, at any time of the day if there is no part of it."""

    date: dt.date
    service_type: Service
    postcode: str = Field("", max_length=10)
    part: Part | None = None


class Visit(_Shape):
    """A visit to be booked. `preferred_time` is a start, or the part of the day that it may be in."""

    customer_name: _Name
    phone_number: Phone
    service_type: Service
    preferred_date: dt.date
    preferred_time: Part | dt.time
    address: str = Field(min_length=1, max_length=400)
    notes: str = Field("", max_length=4_000)

    @property
    def query(self) -> Query:
        """What must be possible for it; the postcode is that of the address, if it has one."""
        found = _POSTCODE.search(self.address.upper())
        return Query(date=self.preferred_date, service_type=self.service_type, postcode=found[1] if found else "")


class Lead(_Shape):
    """Somebody who wants something that is not booked yet."""

    caller_name: _Name
    phone_number: Phone
    service_needed: str = Field(min_length=1, max_length=400)
    urgency: Literal["emergency", "urgent", "standard", "flexible"]
    address: str = Field(max_length=400)
    email: str = Field("", max_length=200)
    notes: str = Field("", max_length=4_000)


class Text(_Shape):
    """A text message."""

    phone_number: Phone
    message: str = Field(min_length=1, max_length=160)
