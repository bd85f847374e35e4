"""A tunnel from a public address to this machine, for trying things out: ngrok, by the package pyngrok."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import structlog

from offhook.config import Settings
from offhook.errors import ConfigError

__all__ = ["tunnel_to"]

log = structlog.get_logger(__name__)


@asynccontextmanager
async def tunnel_to(host: str, port: int, settings: Settings) -> AsyncIterator[str]:
    """A tunnel to a port of ours, open inside; gives its public address.

    Raises ConfigError without the package or NGROK_AUTH_TOKEN, and when ngrok refuses.
    """
    ngrok, faults = _ngrok()
    token = _token(settings)
    config = import_module("pyngrok.conf").PyngrokConfig(auth_token=token, start_new_session=True)
    try:
        tunnel = await asyncio.to_thread(ngrok.connect, _address(host, port), "http", pyngrok_config=config)
    except (faults, OSError) as error:
        await asyncio.to_thread(_kill, ngrok, config)
        raise _refused(error, token) from None
    log.info("tunnel open", public_url=tunnel.public_url)
    try:
        yield str(tunnel.public_url)
    finally:
        await asyncio.to_thread(_kill, ngrok, config)


def _ngrok() -> tuple[ModuleType, type[Exception]]:
    try:
        fault: type[Exception] = import_module("pyngrok.exception").PyngrokError
        return import_module("pyngrok.ngrok"), fault
    except ImportError as error:
        raise ConfigError(
            "a tunnel needs the package pyngrok, which is not installed",
            setting="--tunnel",
            hint="Install it with `pip install 'offhook[tunnel]'`, or set PUBLIC_URL to an address of your own.",
        ) from error


def _token(settings: Settings) -> str:
    token = settings.keys.ngrok_auth_token
    if token is None:
        raise ConfigError(
            "a tunnel needs an account at ngrok",
            setting="NGROK_AUTH_TOKEN",
            hint="Put the token from https://dashboard.ngrok.com/get-started/your-authtoken into .env.",
        )
    return token.get_secret_value()


def _refused(error: Exception, token: str) -> ConfigError:
    # ngrok repeats the token in what it says, and its own words are in one attribute or the other.
    told = str(getattr(error, "ngrok_error", None) or error).replace(token, "***").strip()
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return ConfigError(
        f"the tunnel could not be opened: {lines[0][:300] if lines else type(error).__name__}",
        setting="--tunnel",
        hint="Check NGROK_AUTH_TOKEN and the network; pyngrok fetches the program ngrok when it is first used.",
    )


def _address(host: str, port: int) -> str:
    return f"{'127.0.0.1' if host in ('0.0.0.0', '::', '') else host}:{port}"  # noqa: S104 - what it listens on


def _kill(ngrok: ModuleType, config: Any) -> None:
    try:
        ngrok.kill(config)
    except Exception as error:  # noqa: BLE001 - whatever the library raises, the server must come to its end
        log.warning("the tunnel could not be closed", error=type(error).__name__)
