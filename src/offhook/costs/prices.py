"""The prices of providers: which of them are for a provider and its model, and what they make of what was used."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from offhook.config import PriceSettings, Settings
from offhook.config.costs import TOKEN_KINDS

__all__ = ["OWN", "Charge", "PriceList", "Service"]

OWN = frozenset({"whisper", "hibari", "flow", "audiosocket", "asterisk", "browser"})
"""What nobody charges for unless a price says so: models on this machine, and lines of one's own exchange."""

_SMALLEST = Decimal("1e-12")
_MILLION, _THOUSAND, _MINUTE_S = Decimal(1_000_000), Decimal(1_000), Decimal(60)


@dataclass(frozen=True, slots=True)
class Service:
    """Who was used, as what, with which model. `stage` is realtime, stt, llm, tts or carrier."""

    stage: str
    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.stage} {self.provider}" + (f" ({self.model})" if self.model else "")


@dataclass(frozen=True, slots=True)
class Charge:
    """What a use costs. `unpriced` are the kinds of what was used that nothing is known of."""

    amount: Decimal
    unpriced: tuple[str, ...] = ()


class PriceList:
    """The prices of `settings`. A price for a provider's own name goes before one for its vendor, and one for a model
    before one for all."""

    def __init__(self, settings: Settings):
        self.currency = settings.costs.currency
        self._rows = settings.prices
        self._vendors = {
            (stage, name): str(table.kind or name)
            for stage in ("stt", "llm", "tts", "realtime")
            for name, table in getattr(settings, stage).items()
        }

    def rows(self, service: Service) -> tuple[PriceSettings, ...]:
        """The prices of a service: one for each unit that it is charged by, or none."""
        vendor = self._vendor(service)
        found = [row for row in self._rows if row.kind == service.stage and row.model in ("*", service.model)]
        ranked = [
            (row.provider != service.provider, row.model == "*", row)
            for row in found
            if row.provider in (service.provider, vendor)
        ]
        best = min((rank[:2] for rank in ranked), default=None)
        return tuple(rank[2] for rank in ranked if rank[:2] == best)

    def known(self, service: Service) -> bool:
        """Whether it is known what a service costs."""
        return bool(self.rows(service)) or self.own(service)

    def own(self, service: Service) -> bool:
        """Whether nobody charges for a service."""
        return self._vendor(service) in OWN

    def charge(self, service: Service, used: Mapping[str, Decimal]) -> Charge:
        """The cost of all that was `used` of a service, exact to 12 decimals."""
        rows = self.rows(service)
        if not rows:
            return Charge(Decimal(0), () if self.own(service) else tuple(used))
        amount, charged = Decimal(0), set[str]()
        for row in rows:
            for kind in _charged_by(row, used):
                amount += _cost(row, kind, used[kind])
                charged.add(kind)
        if not charged:
            return Charge(Decimal(0), tuple(used))
        # Of seconds and characters a price names those that count; of tokens all do, once one does.
        by_tokens = any(row.unit == "1M tokens" for row in rows)
        unpriced = (kind for kind in used if by_tokens and kind in TOKEN_KINDS and kind not in charged)
        return Charge(amount.quantize(_SMALLEST, ROUND_HALF_EVEN), tuple(unpriced))

    def _vendor(self, service: Service) -> str:
        own = self._vendors.get((service.stage, service.provider))
        # The words of a session's caller are billed as recognition, by the session's provider.
        return own or self._vendors.get(("realtime", service.provider), service.provider)


def _charged_by(row: PriceSettings, used: Mapping[str, Decimal]) -> list[str]:
    match row.unit:
        case "minute":
            return [kind for kind in used if kind == "seconds"]
        case "1k characters":
            return [kind for kind in used if kind == "characters"]
        case _:
            return [kind for kind in used if kind in TOKEN_KINDS and row.of_token(kind) is not None]


def _cost(row: PriceSettings, kind: str, count: Decimal) -> Decimal:
    if row.unit == "minute":
        step = row.started_s
        seconds = (count / step).to_integral_value(ROUND_CEILING) * step if step else count
        return seconds * (row.price or 0) / _MINUTE_S
    if row.unit == "1k characters":
        return count * (row.price or 0) / _THOUSAND
    return count * (row.of_token(kind) or 0) / _MILLION
