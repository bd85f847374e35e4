"""What the backend is asked: bodies and queries, checked."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["Lead", "Phone", "Query", "Service", "Text", "Visit", "digits"]

Service = Literal["plumbing", "electrical", "heating", "drainage", "locksmith"]


def digits(number: str) -> str:
    """The digits of a telephone number. Raises ValueError if there are too few."""
    found = "".join(filter(str.isdigit, number))
    if len(found) < 5:
        raise ValueError("a telephone number has at least five digits")
    return found


Phone = Annotated[str, Field(max_length=40), AfterValidator(digits)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Query(_Shape):
    """Which visits are possible."""

    date: dt.date
    service_type: Service
    postcode: str = Field("", max_length=10)


class Visit(_Shape):
    """A visit to be booked. `preferred_time` is a start, or the part of the day that it may be in."""

    customer_name: _Name
    phone_number: Phone
    service_type: Service
    preferred_date: dt.date
    preferred_time: Literal["morning", "afternoon", "evening"] | dt.time
    address: str = Field("", max_length=400)
    issue_description: str = Field("", max_length=4_000)


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
