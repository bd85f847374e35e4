"""Who calls by Asterisk's WebSocket channel: what the dialplan gave it, in its address or in variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from offhook.calls.leg import CallOrigin
from offhook.carriers.asterisk.websocket_wire import MediaStart

__all__ = ["Introduction", "introduction"]

MOST_VARIABLES = 64
MOST_CHARS = 1_000

_PREFIX = "OFFHOOK_"
_OWN = ("MEDIA_WEBSOCKET_", "DIALEDPEER")
"""Variables that Asterisk sets on every such channel."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What is known of a call before it is answered. `call_id` is the dialplan's UUID or else the id of the WebSocket
    channel; `channel` is the caller's channel where the dialplan named it."""

    call_id: str
    channel: str
    origin: CallOrigin


def introduction(start: MediaStart, query: Mapping[str, str]) -> Introduction:
    """Read the variables of `start` and, for what they do not tell, the parameters in `query`.

    `call`, `channel`, `from`, `to`, `agent` and `direction` have a meaning of their own, as variables with OFFHOOK_
    before them, in capitals. All others are for the agent.

    Parameters are less sure: Asterisk 22.10 keeps those of `v(...)` in the connection of websocket_client.conf, where
    the next call finds them if it has none of its own. So they name neither a call nor a channel.
    """
    told = {**{name: query[name] for name in query if name not in ("call", "channel")}, **_of_channel(start.variables)}
    clean = {name: _clean(value) for name, value in list(told.items())[:MOST_VARIABLES]}
    call_id = _uuid(clean.pop("call", "")) or start.channel_id or start.connection_id
    from_number, to_number, agent = (clean.pop(name, "") for name in ("from", "to", "agent"))
    outbound = clean.pop("direction", "") == "outbound"
    channel = clean.get("channel", "")
    origin = CallOrigin(
        direction="outbound" if outbound else "inbound",
        from_number=from_number,
        to_number=to_number,
        agent=agent,
        variables={name: value for name, value in clean.items() if name and value},
    )
    return Introduction(call_id, channel, origin)


def _of_channel(variables: Mapping[str, str]) -> dict[str, str]:
    """Asterisk passes on `__NAME` with its underscores, and `_NAME` without."""
    bare = {name.lstrip("_"): value for name, value in variables.items() if not name.startswith(_OWN)}
    return {
        name.removeprefix(_PREFIX).lower() if name.startswith(_PREFIX) else name: value for name, value in bare.items()
    }


def _clean(value: str) -> str:
    return "".join(sign for sign in value[:MOST_CHARS] if sign.isprintable()).strip()


def _uuid(value: str) -> str:
    """`value` as UUIDs are written; empty if it is none."""
    try:
        return str(UUID(value)) if len(value) == len(str(UUID(int=0))) else ""
    except ValueError:
        return ""
