"""Calls between their answer webhook and the end of their media socket."""

from collections.abc import Callable
from time import monotonic

from offhook.carriers.media_stream.once import Once
from offhook.carriers.media_stream.tickets import Ticket
from offhook.config import CarrierName

__all__ = ["Arrivals"]

_Key = tuple[CarrierName, str]


class Arrivals:
    """Gives every answered call one token for its media socket, and sees that one conversation comes of it.

    A carrier may repeat the answer webhook, because our answer was late or lost: it gets the same token again, valid
    for the whole time again, so that either answer leads to the call. It may also open the socket more than once,
    because the first broke before it said anything (Plivo tries three times): the token is used up by the first
    conversation that begins, not by a connection. From then on it opens nothing, for a second conversation would greet
    the caller again; and a webhook repeated during the conversation gets the used token. Calls without an id cannot be
    told apart and get a token each.
    """

    def __init__(self, valid_s: float, *, most: int = 10_000, now: Callable[[], float] = monotonic):
        self._tickets = Once[Ticket](valid_s, most=most, now=now)
        self._most = most
        self._tokens: dict[_Key, str] = {}
        self._talking: dict[_Key, str] = {}

    def admit(self, ticket: Ticket) -> tuple[str, bool]:
        """The token for a call's socket, and whether the call is new."""
        key = (ticket.carrier, ticket.carrier_call_id)
        known = self._talking.get(key) or self._tokens.get(key, "")
        if known and (key in self._talking or self._tickets.renew(known)):
            return known, False
        token = self._tickets.put(ticket)
        if ticket.carrier_call_id:
            self._tokens[key] = token
            if len(self._tokens) > self._most:
                del self._tokens[next(iter(self._tokens))]
        return token, True

    def ticket(self, token: str) -> Ticket | None:
        """The call that waits for a socket with this token; None if there is none any more."""
        return self._tickets.peek(token)

    def is_waiting(self, carrier: CarrierName, call_id: str) -> bool:
        """Whether a call was answered and its conversation has not begun."""
        return self._tickets.peek(self._tokens.get((carrier, call_id), "")) is not None

    def begin(self, token: str) -> bool:
        """A conversation begins on the socket with this token; false if it may not, since another one has."""
        ticket = self._tickets.take(token)
        if ticket is None:
            return False
        key = (ticket.carrier, ticket.carrier_call_id)
        self._tokens.pop(key, None)
        if ticket.carrier_call_id:
            self._talking[key] = token
        return True

    def end(self, carrier: CarrierName, call_id: str, token: str) -> None:
        """The socket with this token is gone."""
        if self._talking.get((carrier, call_id)) == token:
            del self._talking[carrier, call_id]

    def forget(self, carrier: CarrierName, call_id: str) -> None:
        """The call is over, or went on to something else: its token opens nothing, and it may come anew."""
        self._tickets.drop(self._tokens.pop((carrier, call_id), ""))
        self._talking.pop((carrier, call_id), None)
