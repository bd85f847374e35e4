"""The wire of Asterisk's manager interface (AMI): lines of `Name: value`, an empty line behind each message. No socket.

Source: `main/manager.c` of Asterisk 22.10. A value with a line break in it would be further headers, or even a further
action: nothing of the kind gets through `encode`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.errors import WireError

__all__ = ["MAX_LINE_CHARS", "MAX_MESSAGE_BYTES", "Banner", "Message", "Parser", "argument", "encode"]

MAX_LINE_CHARS = 1_000
"""Asterisk cuts a line of an action at 1,024 characters."""
MAX_MESSAGE_BYTES = 1_048_576
"""The list of all actions has 20,000 bytes; nothing that is a message is as long as this."""

_BANNER = b"Asterisk Call Manager/"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_BREAKS = re.compile(r"[\r\n\0\ud800-\udfff]")
_ARGUMENT = re.compile(r"[A-Za-z0-9_.:@+*#/;-]+")
_CHAN_VARIABLE = re.compile(r"ChanVariable(?:\(.*\))?", re.IGNORECASE | re.DOTALL)


def encode(action: str, fields: Mapping[str, str], action_id: str) -> bytes:
    """An action. Raises WireError for what is no name, no single line, or too long; it names the field, and no value,
    which may be a secret."""
    pairs = (("Action", action), ("ActionID", action_id), *fields.items())
    return "".join(_line(name, value) for name, value in pairs).encode() + b"\r\n"


def _line(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise WireError(f"{name[:40]!r} is no name of a field of an action")
    if _BREAKS.search(value):
        raise WireError(f"the value of {name} has a line break or a NUL in it")
    line = f"{name}: {value}\r\n"
    if len(line.encode()) > MAX_LINE_CHARS:
        raise WireError(f"the value of {name} is too long: {len(value)} characters")
    return line


def argument(name: str, value: str) -> str:
    """`value`, if it is one plain argument of a dialplan application: no separator, bracket, quote, blank or `$` in it.

    Raises WireError, which names the field.
    """
    if not _ARGUMENT.fullmatch(value):
        raise WireError(f"the value of {name} is no plain argument: {value[:80]!r}")
    return value


@dataclass(frozen=True, slots=True)
class Banner:
    """The first line of a connection, with the version of the interface."""

    version: str


@dataclass(frozen=True, slots=True)
class Message:
    """A response or an event. `fields` are as they came: names may repeat."""

    fields: tuple[tuple[str, str], ...]

    def get(self, name: str, default: str = "") -> str:
        """The first value of `name`, whichever its case."""
        return next(iter(self.all(name)), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of `name`, in their order."""
        wanted = name.lower()
        return tuple(value for found, value in self.fields if found.lower() == wanted)

    @property
    def event(self) -> str:
        """The name of the event; empty for a response."""
        return self.get("Event")

    @property
    def action_id(self) -> str:
        """Which action it belongs to, if any."""
        return self.get("ActionID")

    @property
    def succeeded(self) -> bool:
        """Whether it is a response that something was done."""
        return not self.event and self.get("Response").lower() != "error"

    @property
    def variables(self) -> Mapping[str, str]:
        """Variables of the channel that a message carries where manager.conf asks for them (`channelvars`)."""
        texts = (value.partition("=") for name, value in self.fields if _CHAN_VARIABLE.fullmatch(name))
        return {name: value for name, _, value in texts}


class Parser:
    """Reads what a manager interface sends, in pieces of any size.

    A line with no `Name:` goes on with the value before it, as values of some applications and the output of commands
    do. Raises WireError for what is no manager interface, and is of no use after that.
    """

    def __init__(self) -> None:
        self._banner = False
        self._rest = bytearray()
        self._fields: list[tuple[str, str]] = []
        self._size = 0

    @property
    def partial(self) -> bool:
        """Whether a message has begun and is not complete."""
        return bool(self._rest or self._fields)

    def feed(self, data: bytes) -> Iterator[Banner | Message]:
        """What `data` completes."""
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            yield from self._take(bytes(line).removesuffix(b"\r"))
        self._limit(len(self._rest))

    def _take(self, line: bytes) -> Iterator[Banner | Message]:
        self._size += len(line)
        self._limit(0)
        if not self._banner:
            yield self._greeted(line)
        elif line:
            self._add(line.decode(errors="replace"))
        elif self._fields:
            yield self._complete()

    def _greeted(self, line: bytes) -> Banner:
        if not line.startswith(_BANNER):
            raise WireError(f"this is no manager interface of Asterisk; it begins with {line[:40]!r}")
        self._banner = True
        self._size = 0
        return Banner(line.removeprefix(_BANNER).decode(errors="replace"))

    def _add(self, line: str) -> None:
        name, colon, value = line.partition(":")
        if colon and name.strip() and " " not in name.rstrip():
            self._fields.append((name.strip(), value.strip()))
        elif self._fields:
            name, value = self._fields[-1]
            self._fields[-1] = (name, f"{value}\n{line}")
        else:
            raise WireError(f"a message begins with no field: {line[:40]!r}")

    def _complete(self) -> Message:
        message = Message(tuple(self._fields))
        self._fields.clear()
        self._size = 0
        if not message.event and not message.get("Response"):
            raise WireError(f"a message is neither event nor response; it begins with {message.fields[0][0][:40]!r}")
        return message

    def _limit(self, more: int) -> None:
        if self._size + more > MAX_MESSAGE_BYTES:
            raise WireError(f"a message is longer than {MAX_MESSAGE_BYTES} bytes")
