"""Who may connect, who is connected, which calls are in progress, and how often what went wrong."""

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol
from uuid import UUID

__all__ = ["Registry", "Visitor"]


class Visitor(Protocol):
    """A connection, as far as the book knows it."""

    async def shut_down(self) -> None:
        """Say goodbye; returns when the connection is gone."""
        ...


class Registry:
    """The book of one listening port.

    `counters` counts `connections`, `refused` peers, `calls`, and every fault by its name.
    """

    def __init__(self, allow: Iterable[IPv4Network | IPv6Network]):
        self.counters: Counter[str] = Counter()
        self._allow = tuple(allow)
        self._peers: dict[UUID, str] = {}
        self._visitors: set[Visitor] = set()

    def admits(self, host: str) -> bool:
        """Whether the address `host` lies in a network of the allow-list."""
        address = ip_address(host.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._allow)

    def enter(self, visitor: Visitor) -> None:
        """Note that a connection has come."""
        self._visitors.add(visitor)
        self.counters["connections"] += 1

    def leave(self, visitor: Visitor) -> None:
        """Note that a connection is gone."""
        self._visitors.discard(visitor)

    @property
    def visitors(self) -> tuple[Visitor, ...]:
        """The connections of this moment."""
        return tuple(self._visitors)

    def claim(self, call_id: UUID, peer: str) -> str | None:
        """Note that `peer` brings the call. If another has brought it already: that other, and nothing changes."""
        if call_id in self._peers:
            return self._peers[call_id]
        self._peers[call_id] = peer
        self.counters["calls"] += 1
        return None

    def release(self, call_id: UUID) -> None:
        """Note that the call is over."""
        self._peers.pop(call_id, None)

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self._peers)
