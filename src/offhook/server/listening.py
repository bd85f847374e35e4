"""Serves HTTP on a port, for whoever may come: idle connections end, and what is no HTTP is not quoted in the log."""

import logging
from contextlib import AsyncExitStack

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from offhook.errors import ConfigError

__all__ = ["IDLE_S", "listen"]

IDLE_S = 75.0
"""A connection on which no whole request comes for so long is closed. Longer than proxies keep theirs (60 s)."""

log = structlog.get_logger(__name__)


class _Unquoted(logging.Filter):
    """aiohttp logs malformed requests with a traceback that quotes their headers, which may be anything, or secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if record.exc_info else None
        if not isinstance(fault, HttpProcessingError):
            return True
        log.debug("a request was no HTTP", fault=type(fault).__name__)
        return False


_aiohttp_log = logging.getLogger(__name__)
_aiohttp_log.addFilter(_Unquoted())


async def listen(
    stack: AsyncExitStack, app: web.Application, host: str, port: int, setting: str, *, idle_s: float = IDLE_S
) -> int:
    """Serve `app` until `stack` is closed; returns the port. Raises ConfigError, naming `setting`."""
    runner = web.AppRunner(app, access_log=None, logger=_aiohttp_log, keepalive_timeout=idle_s)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            setting=setting,
            hint="Stop what uses the port, or choose another one (0 picks a free port).",
        ) from error
    bound: int = runner.addresses[0][1]
    return bound
