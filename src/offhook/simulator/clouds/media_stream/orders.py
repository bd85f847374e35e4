"""What a server asks of a cloud: to place a call, to report on it, and to go on with another document."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.simulator.clouds.media_stream.endings import Fetched

__all__ = ["Detection", "Goto", "Hook", "Hooks", "Placing"]


@dataclass(frozen=True, slots=True)
class Detection:
    """How machines are told from people, within `limit_s`.

    The first document waits for the finding, unless it is `reported` while the call goes on. With `hangs_up` a machine
    ends the call; with `beep` it is found when its message is over.
    """

    limit_s: float = 5.0
    reported: bool = False
    hangs_up: bool = False
    beep: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """A web address and how it is called. An empty one is not called."""

    url: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where a call is reported. `status` is Twilio's StatusCallback, for the `events` that are asked for."""

    answer: Hook = Hook()
    ring: Hook = Hook()
    hangup: Hook = Hook()
    fallback: Hook = Hook()
    machine: Hook = Hook()
    status: Hook = Hook()
    events: frozenset[str] = frozenset({"completed"})


@dataclass(frozen=True, slots=True)
class Goto:
    """Go on with the document at `hook`, or with `document` itself. `extra` are parameters beside the usual ones."""

    hook: Hook
    fetched: Fetched
    event: str
    extra: Mapping[str, str] = field(default_factory=dict)
    document: bytes = b""


@dataclass(frozen=True, slots=True)
class Placing:
    """An outbound call as a server ordered it. Without a `detection` nobody looks who answers."""

    to: str
    from_: str
    hooks: Hooks
    document: bytes = b""
    caller_name: str = ""
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    send_digits: str = ""
    ring_timeout_s: float = 120.0
    time_limit_s: float = 14_400.0
    detection: Detection | None = None
