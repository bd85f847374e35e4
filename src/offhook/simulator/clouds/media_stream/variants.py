"""What a cloud may do beside its documentation: shapes and orders that were seen on real calls, to be switched on."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Variants"]


@dataclass(frozen=True, slots=True)
class Variants:
    """Each field is one way in which a carrier has been seen to differ; the defaults are what is documented.

    The socket: `flat_start` puts the ids at the top level, in the way of older documentation; `media_first` sends so
    many frames before the start; `stops` tells whether a `stop` comes before the socket closes (None: as documented);
    `unknown_events` sends events nobody knows; `text_numbers` writes numbers as text; `rate_in_encoding` writes the
    encoding as in "audio/x-mulaw;rate=8000"; `keys` is the shape of a `dtmf` event; `long_answers` gives
    `playedStream` the ids it once had; `deaf_ms` loses what is played that soon after the start; `big_endian` swaps
    the bytes of linear audio; `plays_back` and `clears_back` tell whether markers and clears are answered at all;
    `drop_after_ms` breaks the connection then; `signed_socket` signs the handshake (None: as documented).

    The webhooks: `duplicates` sends each twice; `disorder` sends them in pairs, the later one first; `credentials`
    adds the headers that carry the account's tokens in clear; `hangup_at_answer` sends the hangup to the answer URL
    even where there is a hangup URL; `status_retries` is how often an unacknowledged one is sent again.
    """

    flat_start: bool = False
    media_first: int = 0
    stops: bool | None = None
    unknown_events: bool = False
    text_numbers: bool = False
    rate_in_encoding: bool = False
    keys: Literal["nested", "flat", "none"] = "nested"
    long_answers: bool = False
    deaf_ms: int = 0
    big_endian: bool = False
    plays_back: bool = True
    clears_back: bool = True
    drop_after_ms: int | None = None
    signed_socket: bool | None = None
    duplicates: bool = False
    disorder: bool = False
    credentials: bool = False
    hangup_at_answer: bool = False
    status_retries: int = 3
