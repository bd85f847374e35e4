"""One tree of errors.

OffhookError
├── ConfigError      a setting or a file of settings is wrong (file, line, hint)
│   ├── SettingsError  several of them, told at once (errors)
│   └── FlowError      a conversation flow file is wrong
├── AudioError       bytes that are not the audio they claim to be
├── WireError        a peer broke its protocol; ends that connection only
├── ProviderError    a speech or language provider failed (provider, status, retryable)
│   └── ModelError   a local model is missing or is not the file it should be
├── ToolError        a tool could not do what it was asked
└── CallError        a call could not be carried on (reason: one word of `events.EndReason`)
    └── CarrierError   a carrier's API refused, failed or kept silent (carrier, status, hint, unknown, offered)
"""

from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "AudioError",
    "CallError",
    "CarrierError",
    "ConfigError",
    "FlowError",
    "ModelError",
    "OffhookError",
    "ProviderError",
    "SettingsError",
    "ToolError",
    "WireError",
]


class OffhookError(Exception):
    """Whatever this project raises on purpose."""


class ConfigError(OffhookError):
    """A setting is wrong. The text says which, where, and what to do about it."""

    def __init__(
        self, problem: str, *, setting: str = "", file: Path | None = None, line: int | None = None, hint: str = ""
    ):
        self.problem = problem
        self.setting = setting
        self.file = file
        self.line = line
        self.hint = hint
        super().__init__(problem)

    def __str__(self) -> str:
        where = "" if self.file is None else str(self.file) if self.line is None else f"{self.file}:{self.line}"
        parts = [part for part in (where, self.setting, self.problem) if part]
        return ": ".join(parts) + (f"\n  {self.hint}" if self.hint else "")


class SettingsError(ConfigError):
    """Several settings are wrong. `errors` has each; the text has all of them."""

    def __init__(self, errors: Sequence[ConfigError]):
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in errors))


class FlowError(ConfigError):
    """A conversation flow file is wrong."""


class AudioError(OffhookError):
    """Bytes are not the audio they claim to be, or a format cannot be served."""


class WireError(OffhookError):
    """A peer broke its protocol. Ends that connection and no other."""


class ProviderError(OffhookError):
    """A provider failed. `status` is its HTTP or WebSocket status where it has one."""

    def __init__(self, problem: str, *, provider: str = "", status: int | None = None, retryable: bool = False):
        self.provider = provider
        self.status = status
        self.retryable = retryable
        super().__init__(f"{provider}: {problem}" if provider else problem)


class ModelError(ProviderError):
    """A local model is missing or is not the file it should be. `hint` says what to do."""

    def __init__(self, problem: str, *, model: str = "", hint: str = ""):
        self.model = model
        self.hint = hint
        super().__init__(f"{problem}\n  {hint}" if hint else problem, provider=model)


class ToolError(OffhookError):
    """A tool could not do what it was asked. The text is meant for the agent, not for the caller."""


class CallError(OffhookError):
    """A call could not be carried on."""

    def __init__(self, problem: str, *, reason: str = "error"):
        self.reason = reason
        super().__init__(problem)


class CarrierError(CallError):
    """A carrier's API refused, failed or kept silent; `hint` says what to do.

    `status` is its HTTP status. `unknown` tells that what was asked for may have happened all the same. `offered` is
    False for what the carrier cannot do at all.
    """

    def __init__(
        self,
        problem: str,
        *,
        carrier: str = "",
        status: int | None = None,
        hint: str = "",
        unknown: bool = False,
        offered: bool = True,
    ):
        self.carrier = carrier
        self.status = status
        self.hint = hint
        self.unknown = unknown
        self.offered = offered
        told = f"{carrier}: {problem}" if carrier else problem
        super().__init__(f"{told}\n  {hint}" if hint else told)
