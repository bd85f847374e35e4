"""What there is to know about one call, for webhooks and for the REST API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from offhook.simulator.clouds.media_stream.dialects import Account, Dialect
from offhook.simulator.clouds.media_stream.endings import Ending

__all__ = ["CallFacts", "Direction"]

Direction = Literal["inbound", "outbound"]


@dataclass(slots=True)
class CallFacts:
    """Ids, numbers and times (UTC) of one call. `status` is its CallStatus."""

    dialect: Dialect
    account: Account
    id: str
    direction: Direction
    from_: str
    to: str
    began: datetime
    status: str = "ringing"
    forwarded_from: str = ""
    caller_name: str = ""
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    answered: datetime | None = None
    ended: datetime | None = None
    ending: Ending | None = None

    @property
    def duration_s(self) -> int:
        """Answered seconds so far."""
        if self.answered is None:
            return 0
        end = self.ended or self.answered
        return max(0, round((end - self.answered).total_seconds()))

    @property
    def headers(self) -> dict[str, str]:
        """Custom SIP headers under the carrier's names."""
        return {f"{self.dialect.sip_header}{name}": value for name, value in self.sip_headers.items()}
