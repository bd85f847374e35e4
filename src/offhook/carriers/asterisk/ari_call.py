"""One call in our application at Asterisk: the caller's channel and ours, in one bridge."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

import structlog

from offhook.calls.leg import CallOrigin
from offhook.carriers.asterisk.ari import Ari, path
from offhook.carriers.asterisk.ari_wire import AriChannel
from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.errors import CarrierError

__all__ = ["AriCall", "bridge_id", "id_in", "media_id", "origin_of", "surely"]

_OURS = "offhook-"
_MEDIA = "offhook-media-"
_DIALLED_WITH = frozenset("+0123456789*#")
_GONE = (404, 409, 412)
"""The channel or bridge is not there any more, or not in our application."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def media_id(call_id: str) -> str:
    """The id of the channel that carries the sound of a call to us."""
    return f"{_MEDIA}{call_id}"


def bridge_id(call_id: str) -> str:
    """The id of a call's bridge."""
    return f"{_OURS}{call_id}"


def id_in(name: str) -> str:
    """The id of the call in the id of one of our media channels; empty for any other."""
    return name.removeprefix(_MEDIA) if name.startswith(_MEDIA) else ""


@dataclass(eq=False)
class AriCall:
    """`id` is the UUID of its AudioSocket, `party` the channel of who talks with us.

    `placed` is whether we called them: there is no dialplan behind then. `inside` is whether the party is in our
    application, `media_came` is set when our own channel is. `bridged` tells once whether the two are connected.
    `partner` is who the party talks with when we are out of the call.
    """

    ari: Ari
    id: str
    party: AriChannel
    placed: bool = False
    origin: CallOrigin = field(default_factory=CallOrigin)
    leg: AudioSocketLeg | None = None
    inside: bool = True
    partner: "AriCall | None" = None
    bridge: str = ""
    end_detail: str = ""
    media_came: asyncio.Event = field(default_factory=asyncio.Event)
    media_gone: bool = False
    bridged: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def __post_init__(self) -> None:
        self.bridge = self.bridge or bridge_id(self.id)

    @property
    def media(self) -> str:
        """The id of our own channel."""
        return media_id(self.id)

    async def connect(self, audiosocket: str, sound: str) -> None:
        """Answer, and put the party and a new channel to our AudioSocket into one bridge. Raises CarrierError."""
        if self.party.state != "Up":
            await self.ari.ask("POST", path("channels", self.party.id, "answer"))
        await self.ari.ask("POST", path("bridges", self.bridge), type="mixing")
        await self.ari.ask(
            "POST",
            "/channels/externalMedia",
            app=self.ari.app,
            external_host=audiosocket,
            encapsulation="audiosocket",
            transport="tcp",
            format=sound,
            data=self.id,
            channelId=self.media,
        )
        # It comes into our application a moment later, and cannot be bridged before.
        await self.media_came.wait()
        await self.join(self.party.id, self.media)

    async def join(self, *channels: str) -> None:
        """Take channels into the bridge, out of any other. Raises CarrierError."""
        await self.ari.ask("POST", path("bridges", self.bridge, "addChannel"), channel=",".join(channels))

    async def drop_media(self) -> None:
        """Hang up our own channel. Raises CarrierError."""
        await self.ari.ask("DELETE", path("channels", self.media), fine=_GONE)

    async def drop_bridge(self) -> None:
        """Take the bridge down. Raises CarrierError."""
        await self.ari.ask("DELETE", path("bridges", self.bridge), fine=_GONE)

    async def go_on(self, after: str) -> None:
        """Let the party go on in the dialplan, or hang up on them, by the setting `after`. Raises CarrierError."""
        if after == "hangup" or self.placed:
            await self.ari.ask("DELETE", path("channels", self.party.id), fine=_GONE)
        else:
            await self.ari.ask("POST", path("channels", self.party.id, "continue"), fine=_GONE)

    async def set(self, variable: str, value: str) -> None:
        """Set a variable of the party's channel. Raises CarrierError."""
        where = path("channels", self.party.id, "variable")
        await self.ari.ask("POST", where, fine=_GONE, variable=variable, value=value)

    async def value(self, variable: str) -> str:
        """The value of a variable or function of the party's channel; empty where there is none. Raises
        CarrierError."""
        where = path("channels", self.party.id, "variable")
        try:
            said = await self.ari.ask("GET", where, variable=variable)
        except CarrierError as error:
            # So do functions that are not loaded answer, and variables that are not set.
            if error.status in (404, 500):
                return ""
            raise
        value = said.get("value") if isinstance(said, dict) else ""
        return value if isinstance(value, str) else ""


def origin_of(channel: AriChannel, arguments: tuple[str, ...], variables: Mapping[str, str]) -> CallOrigin:
    """Who calls, by the caller's channel and what the dialplan gave to Stasis: an agent, and `name=value`."""
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    bare = next((argument for argument in arguments if argument and "=" not in argument), "")
    told = {
        "channel": channel.name,
        "uniqueid": channel.id,
        "caller_name": channel.caller_name,
        "extension": channel.extension,
        "context": channel.context,
        "language": channel.language,
        "account": channel.account,
    }
    dialled = channel.extension if set(channel.extension) <= _DIALLED_WITH else ""
    return CallOrigin(
        from_number=channel.caller_number,
        to_number=dialled,
        agent=given.pop("agent", bare).strip(),
        variables={name: value for name, value in told.items() if value} | dict(variables) | given,
    )


async def surely(work: Awaitable[object]) -> None:
    """Tidy up; what cannot be done is logged."""
    try:
        await work
    except CarrierError as error:
        log.warning("a channel or a bridge of Asterisk may be left behind", problem=str(error))
