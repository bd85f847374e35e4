"""What one call has used, and what that costs: a line for each service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from offhook.costs.prices import Charge, PriceList, Service

__all__ = ["Bill", "Line"]


@dataclass(slots=True)
class Line:
    """All that was used of one service. `estimated` is whether some of it was not told by the provider."""

    service: Service
    used: dict[str, Decimal] = field(default_factory=dict)
    estimated: bool = False
    charge: Charge = field(default_factory=lambda: Charge(Decimal(0)))

    def add(self, used: Mapping[str, float], prices: PriceList, *, estimated: bool = False) -> None:
        """More was used."""
        for kind, number in used.items():
            # By its digits: the binary fraction of a float is not what was meant.
            self.used[kind] = self.used.get(kind, Decimal(0)) + Decimal(str(number))
        self.estimated = self.estimated or estimated
        self.charge = prices.charge(self.service, self.used)


class Bill:
    """The lines of one call of an agent. Whatever is charged by started minutes is charged by those of the call."""

    def __init__(self, prices: PriceList, call_id: str, agent: str):
        self.call_id = call_id
        self.agent = agent
        self._prices = prices
        self._lines: dict[Service, Line] = {}

    @property
    def lines(self) -> tuple[Line, ...]:
        """A line for each service, in the order of their first use."""
        return tuple(self._lines.values())

    def line(self, service: Service) -> Line:
        """The line of a service; an empty one if it was not used."""
        return self._lines.get(service) or Line(service)

    @property
    def total(self) -> Decimal:
        """The cost of all that has a price."""
        return sum((line.charge.amount for line in self.lines), Decimal(0))

    @property
    def providers(self) -> dict[str, Decimal]:
        """The cost by providers."""
        costs: dict[str, Decimal] = {}
        for line in self.lines:
            name = line.service.provider
            costs[name] = costs.get(name, Decimal(0)) + line.charge.amount
        return costs

    @property
    def unpriced(self) -> tuple[str, ...]:
        """What has no price, in words."""
        return tuple(_in_words(line) for line in self.lines if line.charge.unpriced)

    @property
    def estimated(self) -> bool:
        """Whether some of it is an estimate."""
        return any(line.estimated for line in self.lines)

    def add(self, service: Service, used: Mapping[str, float], *, estimated: bool = False) -> Decimal:
        """Add what was used to its line. Gives what that costs more than before."""
        line = self._lines.setdefault(service, Line(service))
        before = line.charge.amount
        line.add(used, self._prices, estimated=estimated)
        return line.charge.amount - before


def _in_words(line: Line) -> str:
    missing = line.charge.unpriced
    return str(line.service) if len(missing) == len(line.used) else f"{line.service}: {', '.join(missing)}"
