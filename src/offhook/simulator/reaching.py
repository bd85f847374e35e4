"""How a synthetic caller gets to the agent: by AudioSocket, or through the double of a carrier or of Asterisk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from offhook.config import CarrierSettings, Settings
from offhook.errors import ConfigError
from offhook.simulator.asterisk_calls import WebSocketExchange
from offhook.simulator.audiosocket import Address
from offhook.simulator.carrier_calls import CarrierExchange
from offhook.simulator.clouds.media_stream import Account, Carrier, CarrierCloud, Variants
from offhook.simulator.exchange import Exchange

__all__ = ["Network", "Way", "reached"]

Network = Literal["asterisk", "vobiz", "plivo", "twilio"]
"""Whose double calls; `asterisk` is its WebSocket channel."""

KEYS: dict[Carrier, tuple[str, str]] = {
    "vobiz": ("vobiz_auth_id", "vobiz_auth_token"),
    "plivo": ("plivo_auth_id", "plivo_auth_token"),
    "twilio": ("twilio_account_sid", "twilio_auth_token"),
}
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Way:
    """What a person says about it; the settings say the rest.

    `host` and `port` are of AudioSocket. With a `carrier`, `server` is the origin that is connected to, `answer_url` an
    answer URL other than /<carrier>/answer, and `api_port` where the double's REST API listens.
    """

    host: str | None = None
    port: int | None = None
    carrier: Network | None = None
    server: str | None = None
    answer_url: str | None = None
    api_port: int | None = None


@asynccontextmanager
async def reached(way: Way, settings: Settings) -> AsyncIterator[Exchange]:
    """An exchange to dial, for as long as there are calls. Raises ConfigError."""
    if way.carrier is None:
        if way.server or way.answer_url or way.api_port:
            raise ConfigError("--server, --answer-url and --api-port belong to --carrier")
        yield Address(way.host or settings.audiosocket.host, way.port or settings.audiosocket.port)
        return
    server = _origin(way.server or _own_server(settings))
    if way.carrier == "asterisk":
        yield _asterisk(way, settings, server)
        return
    answer_url = way.answer_url or f"{settings.server.public_url.rstrip('/') or server}/{way.carrier}/answer"
    async with _cloud(way.carrier, way, settings, server) as cloud:
        yield CarrierExchange(cloud, answer_url)


def _asterisk(way: Way, settings: Settings, server: str) -> WebSocketExchange:
    if way.answer_url or way.api_port:
        raise ConfigError("--answer-url and --api-port are of no use with --carrier asterisk, which has no webhooks")
    secret = settings.keys.asterisk_media_secret
    password = secret.get_secret_value() if secret else ""
    return WebSocketExchange(f"ws{server.removeprefix('http')}/asterisk/media", password)


def _cloud(carrier: Carrier, way: Way, settings: Settings, server: str) -> CarrierCloud:
    public = settings.server.public_url
    known = settings.carrier(carrier)
    big_endian = isinstance(known, CarrierSettings) and known.byte_order == "big"
    return CarrierCloud(
        carrier,
        account=_account(carrier, settings),
        variants=Variants(big_endian=big_endian),
        reach={public: server} if public else None,
        port=way.api_port or _port_of(known.api_url),
    )


def _account(carrier: Carrier, settings: Settings) -> Account | None:
    """The one that the server has, so that signatures fit; None for one that is made up."""
    account_id, token = (getattr(settings.keys, name) for name in KEYS[carrier])
    if account_id is None or token is None:
        return None
    return Account(account_id.get_secret_value(), token.get_secret_value())


def _port_of(api_url: str) -> int:
    """Where the server looks for the carrier's API, if that is on this machine; any free port otherwise."""
    parts = urlsplit(api_url)
    return parts.port or 0 if parts.hostname in LOCAL else 0


def _own_server(settings: Settings) -> str:
    host = settings.server.http_host
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{settings.server.http_port}"  # noqa: S104 - read, not bound


def _origin(server: str) -> str:
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f'"{server}" is no address of a server', hint="for example: --server http://127.0.0.1:8000")
    return f"{parts.scheme}://{parts.netloc}"
