"""What sets the three clouds apart: names, limits and ways of writing.

Their messages and requests differ as well; see the modules of the wire, the parameters and the REST APIs.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import uuid4

__all__ = ["CARRIERS", "DIALECTS", "Account", "Carrier", "Dialect", "default_account"]

Carrier = Literal["vobiz", "plivo", "twilio"]
CARRIERS: tuple[Carrier, ...] = get_args(Carrier)

MULAW, L16 = "audio/x-mulaw", "audio/x-l16"


@dataclass(frozen=True, slots=True)
class Account:
    """Who the cloud belongs to. With `parent_token`, a sub-account, whose webhooks the main account signs as well."""

    id: str
    token: str
    parent_token: str = ""
    number: str = "500025"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One carrier's ways. `base_path` is the part of the API's address that settings call `api_url`; `plays` are the
    encodings and rates (Hz) that a server may send."""

    carrier: Carrier
    base_path: str
    header: str
    user_agent: str
    sip_header: str
    answer_timeout_s: float
    plays: frozenset[tuple[str, int]]
    keeps_query: bool = True
    stops: bool = False
    connects: int = 1

    @property
    def twilio(self) -> bool:
        """Whether this is Twilio, which shares little with the other two."""
        return self.carrier == "twilio"

    def number(self, written: str) -> str:
        """A telephone number as this carrier's webhooks write it; anything else (a SIP address) as it is."""
        digits = re.sub(r"[\s()+.-]", "", written)
        if not digits.isdigit():
            return written
        return f"+{digits}" if self.twilio else digits

    def new_call_id(self) -> str:
        """An id for a call."""
        return f"CA{secrets.token_hex(16)}" if self.twilio else str(uuid4())

    def new_stream_id(self) -> str:
        """An id for a stream."""
        return f"MZ{secrets.token_hex(16)}" if self.twilio else str(uuid4())

    def new_recording_id(self) -> str:
        """An id for a recording."""
        return f"RE{secrets.token_hex(16)}" if self.twilio else str(uuid4())


DIALECTS: dict[Carrier, Dialect] = {
    "vobiz": Dialect(
        "vobiz",
        "/api/v1",
        "X-Vobiz",
        "Vobiz",
        "X-VH-",
        10.0,
        frozenset({(MULAW, 8_000), (L16, 8_000), (L16, 16_000), (L16, 24_000)}),
        keeps_query=False,
    ),
    "plivo": Dialect(
        "plivo",
        "/v1",
        "X-Plivo",
        "Plivo",
        "X-PH-",
        15.0,
        frozenset({(MULAW, 8_000), (L16, 8_000), (L16, 16_000)}),
        connects=3,
    ),
    "twilio": Dialect(
        "twilio",
        "/2010-04-01",
        "X-Twilio",
        "TwilioProxy/1.1",
        "SipHeader_X-",
        15.0,
        frozenset({(MULAW, 8_000)}),
        keeps_query=False,
        stops=True,
    ),
}

_DEFAULTS: dict[Carrier, Account] = {
    "vobiz": Account("MA_SIMULATED", "simulated_vobiz_token"),
    "plivo": Account("MASIMULATEDSIMULATED", "simulated_plivo_token", number="MASIMULATEDSIMULATED"),
    "twilio": Account("AC" + "5" * 32, "simulated_twilio_token"),
}


def default_account(carrier: Carrier) -> Account:
    """An account for tests that do not care."""
    return _DEFAULTS[carrier]
