"""Settings of the carriers: call control on Asterisk, and those that bring calls by webhooks and media streams."""

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from offhook.config.base import Network, Section, WebAddress

__all__ = [
    "AriSettings",
    "AsteriskSettings",
    "AsteriskWebSocketSettings",
    "CarrierName",
    "CarrierSettings",
    "DialCarrier",
    "MediaStreamSettings",
    "TwilioSettings",
]

CarrierName = Literal["vobiz", "plivo", "twilio"]
DialCarrier = Literal["vobiz", "plivo", "twilio", "asterisk"]
"""Who places calls."""

# Each becomes part of what Asterisk reads as a dialplan does, and none may be more than it seems.
_Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\([A-Za-z0-9_,:-]+\))?$")]
_Context = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]*$")]
_Channel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.@:/-]*\{number\}[A-Za-z0-9_.@:/-]*$")]
_ChannelIfAny = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_.@:/-]*\{number\}[A-Za-z0-9_.@:/-]*)?$")]
_HostAndPort = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_.-]+:[0-9]{1,5})?$")]
_App = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]*\{call\}[A-Za-z0-9_./-]*$")]


class AsteriskWebSocketSettings(Section):
    """The WebSocket that Asterisk's WebSocket channel connects to: /asterisk/media of the server's HTTP."""

    enabled: bool = Field(True, description="false if no Asterisk calls in this way")
    allow: tuple[Network, ...] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        description="networks that may connect while ASTERISK_MEDIA_SECRET is not set",
    )
    lead_ms: int = Field(400, ge=40, le=5_000, description="how far ahead of the caller's ear audio is sent")
    start_within_s: float = Field(5.0, gt=0, le=60, description="one that sends no MEDIA_START by then is closed")
    max_message_bytes: int = Field(65_536, ge=4_096, description="a larger message ends its connection")


class AriSettings(Section):
    """Calls and call control by Asterisk's REST interface (ARI); in use when `keys.ari_user` is set."""

    url: WebAddress = Field("http://127.0.0.1:8088", description="address of Asterisk's HTTP, without /ari")
    app: _App = Field("offhook", description="name of our application, as in Stasis(offhook)")
    format: Literal["slin", "slin16", "slin24"] = Field(
        "slin16", description="sound between Asterisk and us: slin (8 kHz), slin16 or slin24"
    )
    after: Literal["continue", "hangup"] = Field(
        "continue", description="when the agent is done: continue in the dialplan behind Stasis, or hangup"
    )


class AsteriskSettings(Section):
    """Call control on Asterisk, by its manager interface (AMI); in use when `keys.ami_user` is set."""

    lookup_ms: int = Field(
        60, ge=0, le=1_000, description="longest wait for what Asterisk knows of an AudioSocket call"
    )
    variables: tuple[_Variable, ...] = Field(
        (), description="further variables of the caller's channel to know", examples=[["DID", "CALLERID(rdnis)"]]
    )
    transfer_context: _Context = Field(
        "", description="dialplan context for transfers; none if not set", examples=["offhook-transfers"]
    )
    dial_template: _Channel = Field("PJSIP/{number}@trunk", description="channel that outbound calls go through")
    consult_template: _ChannelIfAny = Field(
        "",
        description="channel to people who are asked to take a call over; dial_template if not set",
        examples=["PJSIP/{number}"],
    )
    audiosocket: _HostAndPort = Field(
        "", description="host:port at which Asterisk reaches our AudioSocket; [audiosocket] if not set"
    )
    record_file: _FileName = Field(
        "offhook-{call}.wav", description="file of Asterisk's own recordings; {call} is the id of the call"
    )
    from_number: str = Field("", description="number that outbound calls show; FROM_NUMBER, or the trunk's own")
    ring_timeout_s: int = Field(60, ge=5, le=600, description="how long an outbound call rings")
    machine_detection: Literal["own", "off"] = Field(
        "own", description="who tells machines from people on outbound calls: own (by timing) or off"
    )
    websocket: AsteriskWebSocketSettings = AsteriskWebSocketSettings()
    ari: AriSettings = AriSettings()


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
