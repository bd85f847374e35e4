"""What an XML document can tell a carrier to do, one value a kind of element."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "Conference",
    "Dial",
    "Dtmf",
    "Hangup",
    "Play",
    "Record",
    "Redirect",
    "Reject",
    "Speak",
    "Stream",
    "Undone",
    "Verb",
    "Wait",
]


@dataclass(frozen=True, slots=True)
class Stream:
    """Connect a WebSocket. `holds` where later elements wait until it closes."""

    url: str
    bidirectional: bool = False
    holds: bool = False
    content_type: str = "audio/x-l16;rate=8000"
    track: str = "inbound"
    timeout_s: int = 86_400
    status_url: str = ""
    status_method: str = "POST"
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    max_retries: int = 0
    name: str = ""

    @property
    def impossible(self) -> bool:
        """Two-way streams carry the caller's audio only; asking for more ends the call."""
        return self.bidirectional and self.track != "inbound"


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect the caller with somebody else. Several `numbers` ring at once."""

    numbers: tuple[str, ...]
    action: str = ""
    method: str = "POST"
    callback_url: str = ""
    callback_method: str = "POST"
    timeout_s: int = 120
    time_limit_s: int = 14_400
    caller_id: str = ""
    redirect: bool = True


@dataclass(frozen=True, slots=True)
class Conference:
    """Join whoever is in the room `name`; `ends` where it is over for all when this person leaves."""

    name: str
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call, after `schedule_s` if that is more than 0; as the first element, refuse it for a `reason`."""

    reason: str = ""
    schedule_s: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """Twilio's way to refuse a call."""

    reason: str = "rejected"


@dataclass(frozen=True, slots=True)
class Play:
    """Play a file, `loop` times; 0 is for ever."""

    url: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Speak:
    """Say a text, `loop` times; 0 is for ever."""

    text: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing; as the first element, let it ring for longer."""

    length_s: int = 1


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with another document."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Record:
    """Record what the caller says; with `session`, the whole call, in the background."""

    action: str = ""
    method: str = "POST"
    callback_url: str = ""
    callback_method: str = "POST"
    max_length_s: int = 60
    finish_on_key: str = "1234567890*#"
    file_format: str = "mp3"
    session: bool = False
    redirect: bool = False


@dataclass(frozen=True, slots=True)
class Dtmf:
    """Send keys to the caller."""

    digits: str


@dataclass(frozen=True, slots=True)
class Undone:
    """An element that the carrier has and the double does not perform."""

    name: str


Verb = Stream | Dial | Conference | Hangup | Reject | Play | Speak | Wait | Redirect | Record | Dtmf | Undone
