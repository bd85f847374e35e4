"""Tells what providers were used for in a call."""

from typing import Any, Literal

from offhook.calls.engines.base import CallHandle
from offhook.events import UsageReported
from offhook.providers.standby import OnUsed, Watched
from offhook.providers.usage import Usage

__all__ = ["reporter"]


def reporter(call: CallHandle, stage: Literal["realtime", "stt", "llm", "tts"]) -> OnUsed:
    """Emits what the providers of a stage were used for."""

    def report(watched: Watched[Any], usage: Usage) -> None:
        if counts := usage.counts:
            beside = usage.transcribed_by
            used_as, model = ("stt", beside) if beside else (stage, watched.model)
            at_ms = call.now_ms()
            call.emit(UsageReported(call.facts.call_id, at_ms, watched.name, counts, used_as, model, usage.estimated))

    return report
