"""Settings of money: what providers charge, and how much calls may cost."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from offhook.config.base import Section, wrong

__all__ = ["TOKEN_KINDS", "CostSettings", "PriceSettings", "UsageKind"]

UsageKind = Literal["realtime", "stt", "llm", "tts", "carrier"]
TOKEN_KINDS = ("text_in", "text_cached", "text_out", "audio_in", "audio_cached", "audio_out")
"""What is counted in tokens. What was read from a cache is in `*_cached` and not in `*_in`."""

_TOKENS = "1M tokens"


def _no_number(value: Any) -> Any:
    # pydantic takes a number for seconds since 1970.
    if isinstance(value, int | float | datetime):
        raise wrong(f'{value} is not a day such as "2026-11-21"')
    return value


_Day = Annotated[date, BeforeValidator(_no_number)]
_Amount = Annotated[Decimal, Field(ge=0)]
_Limit = Annotated[Decimal, Field(gt=0)]
_Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class PriceSettings(Section):
    """What one provider charges for one model, in `costs.currency`."""

    provider: str = Field(
        ..., min_length=1, description="name of a provider's table, of its vendor, or of a carrier", examples=["openai"]
    )
    kind: UsageKind = Field(..., description="realtime, stt, llm, tts or carrier", examples=["realtime"])
    model: str = Field(
        "*",
        min_length=1,
        description="name of the model, or * for all; of a carrier: inbound or outbound",
    )
    unit: Literal["1M tokens", "minute", "1k characters"] = Field(
        ..., description="what the numbers are for: 1M tokens, minute or 1k characters", examples=[_TOKENS]
    )
    price: _Amount | None = Field(
        None, description="price of a unit; of tokens, of those kinds that have none of their own", examples=[0.6]
    )
    text_in: _Amount | None = Field(None, description="price of text that the model reads", examples=[0.6])
    text_cached: _Amount | None = Field(None, description="of such text from its cache", examples=[0.06])
    text_out: _Amount | None = Field(None, description="of text that it writes", examples=[2.4])
    audio_in: _Amount | None = Field(None, description="of audio that it hears", examples=[10])
    audio_cached: _Amount | None = Field(None, description="of such audio from its cache", examples=[0.3])
    audio_out: _Amount | None = Field(None, description="of audio that it speaks", examples=[20])
    started_s: int = Field(
        0, ge=0, le=3_600, description="a call is charged by started stretches of so many seconds; 0 by the second"
    )
    as_of: _Day = Field(..., description="day on which the price was looked up", examples=["2026-11-21"])
    source: str = Field(
        ..., min_length=1, description="where it was looked up", examples=["https://example.com/pricing"]
    )

    @model_validator(mode="after")
    def _numbers_fit_the_unit(self) -> "PriceSettings":
        given = [name for name in TOKEN_KINDS if getattr(self, name) is not None]
        if self.unit != _TOKENS and given:
            raise wrong(f"{given[0]} is a price of tokens, and the unit is {self.unit}; use price", given[0])
        if self.price is None and not given:
            raise wrong("a price is needed", "price")
        if self.started_s and self.unit != "minute":
            raise wrong("only minutes are charged by started stretches", "started_s")
        return self

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What there is one price for."""
        return self.provider, self.kind, self.model, self.unit

    def of_token(self, kind: str) -> Decimal | None:
        """The price of a million tokens of a kind; None where it is not known."""
        own: Decimal | None = getattr(self, kind) if kind in TOKEN_KINDS else None
        return self.price if own is None else own


class CostSettings(Section):
    """What calls cost. Prices are in [[prices]], here or in a file of their own."""

    currency: _Currency = Field("USD", description="currency of all prices and limits: a code of three letters")
    prices: Path | None = Field(
        None, description="a file with [[prices]]; those in this file win", examples=["prices.toml"]
    )
    timezone: str = Field("", description="IANA name of the zone whose days count; the machine's own if not set")
    alert_per_call: _Limit | None = Field(None, description="cost of a call that is warned of", examples=[0.5])
    alert_per_day: _Limit | None = Field(None, description="cost of a day that is warned of", examples=[20])
    stop_per_call: _Limit | None = Field(None, description="cost at which a call is brought to its end", examples=[1])
    stop_per_day: _Limit | None = Field(
        None, description="cost of a day after which no more calls are taken or placed", examples=[50]
    )
    stop_call_line: str = Field(
        "I am sorry, I have to end this call here. Thank you for calling. Goodbye.",
        description="what the caller hears at stop_per_call",
    )
    stop_day_line: str = Field(
        "We cannot take any more calls today. Please call again tomorrow.",
        description="what callers hear after stop_per_day",
    )
    old_after_days: int = Field(180, ge=1, description="`offhook doctor` warns of prices looked up longer ago")

    @model_validator(mode="after")
    def _zone_exists(self) -> "CostSettings":
        try:
            _ = ZoneInfo(self.timezone) if self.timezone else None
        except (OSError, ValueError, KeyError):
            problem = f'"{self.timezone}" is not known; use a name such as Europe/Berlin'
            raise wrong(problem, "timezone") from None
        return self
