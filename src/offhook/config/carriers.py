"""Settings of the carriers that bring calls by webhooks and media streams."""

from typing import Literal

from pydantic import Field

from offhook.config.base import Section, WebAddress

__all__ = ["CarrierName", "CarrierSettings", "MediaStreamSettings", "TwilioSettings"]

CarrierName = Literal["vobiz", "plivo", "twilio"]


class MediaStreamSettings(Section):
    """What Vobiz, Plivo and Twilio have in common."""

    root: CarrierName = Field(
        "vobiz",
        description="whose webhooks come to /answer, /hangup and /stream-status",
    )
    lead_ms: int = Field(400, ge=40, le=400, description="how far ahead of the caller's ear audio is sent")
    clear_ms: int = Field(300, ge=0, le=1_000, description="longest wait for the carrier to have cleared its buffer")
    start_within_s: float = Field(5.0, gt=0, le=60, description="a media socket that sends no start by then is closed")
    token_s: float = Field(60.0, gt=0, le=600, description="longest time from a call's answer to its media socket")
    max_message_bytes: int = Field(65_536, ge=4_096, description="a larger message ends its connection")


class TwilioSettings(Section):
    """The account at Twilio."""

    enabled: bool = Field(True, description="false to answer none of its webhooks")
    api_url: WebAddress = Field("", description="address of its API; the carrier's own if not set")
    signatures: Literal["off", "if-present", "required"] = Field(
        "if-present", description="whether webhooks must be signed: off, if-present or required"
    )
    from_number: str = Field("", description="number that outbound calls show; FROM_NUMBER if not set")
    ring_timeout_s: int = Field(60, ge=5, le=600, description="how long an outbound call rings")
    settle_ms: int = Field(
        0, ge=0, le=5_000, description="pause before the first words of an inbound call, where a line loses them"
    )
    machine_detection: Literal["carrier", "own", "off"] = Field(
        "carrier", description="who tells machines from people on outbound calls: carrier, own (by timing) or off"
    )


class CarrierSettings(TwilioSettings):
    """An account at Vobiz or Plivo."""

    audio: Literal["mulaw", "l16", "l16-16k"] = Field(
        "mulaw", description="what the media stream speaks: mulaw, l16 (8 kHz) or l16-16k"
    )
    byte_order: Literal["little", "big"] = Field("little", description="order of the bytes of l16")
