"""What failed in a call that goes on: told, and logged if it is a fault of ours."""

import structlog

from offhook.calls.engines.base import CallHandle
from offhook.errors import ProviderError
from offhook.events import CallTrouble

__all__ = ["report_trouble"]

log = structlog.get_logger(__name__)


def report_trouble(call: CallHandle, what: str, error: Exception) -> None:
    """Emit what failed in a call that goes on. A fault of ours is logged with its traceback."""
    if not isinstance(error, ProviderError):
        log.error("a fault in a call", call_id=call.facts.call_id, what=what, exc_info=error)
    call.emit(CallTrouble(call.facts.call_id, call.now_ms(), what, str(error)))
