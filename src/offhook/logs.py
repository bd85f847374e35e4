"""Logging: structlog for us, and the standard library's loggers of others through the same lines.

Bind a call's id once with `call_context`, and every line logged within carries it. Secrets are struck out of whatever
is logged, by name and by value.
"""

import logging
import re
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, TextIO

import orjson
import structlog
from pydantic import BaseModel, SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from offhook.config import Settings

__all__ = ["call_context", "configure_logs", "secrets_in"]

_SECRET_NAMES = re.compile(r"(?:^|[_-])(?:key|token|secret|password|pass|authorization|cookie)$", re.IGNORECASE)
_STRUCK = "[secret]"
_SHORTEST_SECRET = 6


def call_context(call_id: str) -> AbstractContextManager[None]:
    """Every line logged inside carries `call_id`, also in the tasks started there."""
    return structlog.contextvars.bound_contextvars(call_id=call_id)


def secrets_in(settings: BaseModel) -> set[str]:
    """The values of all secrets that are set."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return {secret for value in values for secret in _secrets(value)}


def _secrets(value: object) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        yield from secrets_in(value)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _secrets(each)


def configure_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Set up logging for the process, to stderr unless `stream` is given. May be called again."""
    render = _json if settings.server.log_format == "json" else _text
    level = logging.getLevelNamesMapping()[settings.server.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _strike_names,
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                render,
                _Censor(secrets_in(settings)),
            ],
        )
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _strike_names(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Strike out values whose name says that they are secret."""
    for name in event:
        if _SECRET_NAMES.search(name):
            event[name] = _STRUCK
    return event


class _Censor:
    """Strikes known secrets out of a finished line. Very short ones would strike out ordinary words."""

    def __init__(self, secrets: Iterable[str]) -> None:
        longest_first = sorted((secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, _: WrappedLogger, __: str, line: Any) -> str:
        return self._pattern.sub(_STRUCK, line) if self._pattern else str(line)


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _text(_: WrappedLogger, __: str, event: EventDict) -> str:
    """`2026-01-02T03:04:05Z info    call answered  call_id=... carrier=...`, and an exception below."""
    stamp, level, said = (event.pop(name, "") for name in ("timestamp", "level", "event"))
    exception = event.pop("exception", "")
    pairs = " ".join(f"{name}={_quoted(value)}" for name, value in event.items())
    line = f"{stamp} {level:<7} {said}" + (f"  {pairs}" if pairs else "")
    return f"{line}\n{exception}" if exception else line


def _quoted(value: Any) -> str:
    """A value on one line, in quotes where it has blanks."""
    text = str(value)
    return repr(text) if not text or any(char.isspace() or not char.isprintable() for char in text) else text
