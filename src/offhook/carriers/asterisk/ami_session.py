"""One connection to Asterisk's manager interface, from its banner to its end."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from offhook.carriers.asterisk.ami_wire import Banner, Message, Parser, encode
from offhook.errors import CarrierError, WireError

__all__ = ["AmiAccount", "AmiSession", "AmiTiming", "OnEvent"]

OnEvent = Callable[[Message], None]

EVENTS = "call,dialplan"
MOST_WAITING = 200
MOST_LISTED = 10_000
_READ_BYTES = 65_536
_MOST_UNSENT_BYTES = 262_144
_START_HINT = "Is Asterisk running, with `enabled = yes` in manager.conf? AMI_HOST and AMI_PORT say where."
_LOGIN_HINT = "AMI_USER and AMI_PASS must be a section of manager.conf and its secret, and its `permit` let us in."
_RIGHTS_HINT = "Give the user the rights named in docs/asterisk.md in manager.conf, then `manager reload`."


@dataclass(frozen=True, slots=True)
class AmiAccount:
    """A user of one manager interface."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AmiTiming:
    """Limits of time in seconds: to connect and be logged in, for an action, between two pings, and between two
    connections: the first pause, the longest, and the one after a refusal."""

    login_s: float = 5.0
    action_s: float = 5.0
    ping_s: float = 20.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 10.0
    refused_pause_s: float = 60.0


@dataclass(slots=True)
class _Waiting:
    """Whoever waits for a response, with the events of a list that the response announces."""

    answer: asyncio.Future[Message]
    listed: list[Message] = field(default_factory=list)
    response: Message | None = None


class AmiSession:
    """A logged-in connection. `open` makes one. Every event goes to `on_event`, which must neither block nor raise."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_event: OnEvent, action_s: float):
        self._reader = reader
        self._writer = writer
        self._on_event = on_event
        self._action_s = action_s
        self._ids = count(1)
        self._waiting: dict[str, _Waiting] = {}
        self._parser = Parser()
        self._greeted = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self.problem = ""

    @classmethod
    async def open(cls, account: AmiAccount, timing: AmiTiming, on_event: OnEvent) -> "AmiSession":
        """Connect and log in. Raises CarrierError; its status is 401 where the user is refused."""
        session = None
        try:
            async with asyncio.timeout(timing.login_s):
                reader, writer = await asyncio.open_connection(account.host, account.port)
                session = cls(reader, writer, on_event, timing.action_s)
                await session._log_in(account)
        except OSError as error:
            # A TimeoutError is one, too, and has no text.
            if session is not None:
                await session.close()
            why = "it keeps silent" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise _trouble(f"no manager interface at {account}: {why}", hint=_START_HINT) from error
        except BaseException:
            if session is not None:
                await session.close()
            raise
        return session

    async def action(self, name: str, fields: dict[str, str]) -> Message:
        """Have something done; returns the response. Raises CarrierError where it is refused, or not answered in time,
        and WireError for values that no action can have."""
        return (await self._ask(name, fields)).response

    async def list_of(self, name: str, fields: dict[str, str]) -> tuple[Message, ...]:
        """The events of a list. Raises what `action` raises."""
        return tuple((await self._ask(name, fields)).listed[:-1])

    async def serve(self, ping_s: float) -> None:
        """Return when the connection has ended, which pings find out if nothing else does."""
        while not (await asyncio.wait([self._reading], timeout=ping_s))[0]:
            try:
                await self.action("Ping", {})
            except CarrierError as error:
                self.problem = self.problem or str(error.args[0])
                break
        await self.close()

    async def close(self) -> None:
        """End the connection. Whoever still waits is told. May be repeated."""
        self._reading.cancel()
        self._writer.transport.abort()
        await asyncio.wait([self._reading])

    async def _log_in(self, account: AmiAccount) -> None:
        await self._until_greeted()
        login = {"Username": account.user, "Events": EVENTS}
        try:
            challenge = (await self.action("Challenge", {"AuthType": "MD5"})).get("Challenge")
        except CarrierError:
            challenge = ""
        if challenge:
            # What the interface asks for, whatever MD5 is worth: the secret itself does not travel.
            key = hashlib.md5(f"{challenge}{account.secret}".encode(), usedforsecurity=False).hexdigest()
            login |= {"AuthType": "MD5", "Key": key}
        else:
            login |= {"Secret": account.secret}
        try:
            await self.action("Login", login)
        except CarrierError as error:
            if self._reading.done():
                raise
            problem = f'the manager user "{account.user}" is refused'
            raise _trouble(problem, hint=_LOGIN_HINT, status=401) from error

    async def _until_greeted(self) -> None:
        greeted = asyncio.ensure_future(self._greeted.wait())
        try:
            await asyncio.wait([greeted, self._reading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            greeted.cancel()
        if not self._greeted.is_set():
            raise _trouble(self.problem, hint=_START_HINT)

    async def _ask(self, name: str, fields: dict[str, str]) -> "_Answer":
        action_id = str(next(self._ids))
        data = encode(name, fields, action_id)
        self._check_open()
        waiting = _Waiting(asyncio.get_running_loop().create_future())
        self._waiting[action_id] = waiting
        self._writer.write(data)
        try:
            async with asyncio.timeout(self._action_s):
                response = await waiting.answer
        except TimeoutError as error:
            raise _trouble(f"no answer to {name} within {self._action_s:g} s", unknown=True) from error
        finally:
            del self._waiting[action_id]
        if not response.succeeded:
            raise _refusal(name, response)
        return _Answer(response, waiting.listed)

    def _check_open(self) -> None:
        if self._reading.done():
            raise _trouble(f"the manager interface is gone: {self.problem}")
        if len(self._waiting) >= MOST_WAITING or self._writer.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            raise _trouble("the manager interface does not keep up; too much waits for it already")

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(_READ_BYTES):
                for message in self._parser.feed(data):
                    self._take(message)
            self.problem = "it has ended the connection"
        except (OSError, WireError) as error:
            self.problem = str(error)
        finally:
            for waiting in self._waiting.values():
                if not waiting.answer.done():
                    waiting.answer.set_exception(_trouble("the connection ended before the answer came", unknown=True))

    def _take(self, message: Banner | Message) -> None:
        if isinstance(message, Banner):
            self._greeted.set()
            return
        waiting = self._waiting.get(message.action_id)
        if waiting is not None and not waiting.answer.done():
            self._answer(waiting, message)
        if message.event:
            self._on_event(message)

    def _answer(self, waiting: _Waiting, message: Message) -> None:
        lists = message.get("EventList").lower()
        if not message.event:
            waiting.response = message
            if lists != "start":
                waiting.answer.set_result(message)
        elif waiting.response is not None and len(waiting.listed) < MOST_LISTED:
            waiting.listed.append(message)
            if lists in ("complete", "cancelled"):
                waiting.answer.set_result(waiting.response)


@dataclass(frozen=True, slots=True)
class _Answer:
    response: Message
    listed: list[Message]


def _trouble(problem: str, *, hint: str = "", status: int | None = None, unknown: bool = False) -> CarrierError:
    return CarrierError(problem, carrier="asterisk", hint=hint, status=status, unknown=unknown)


def _refusal(name: str, response: Message) -> CarrierError:
    said = " ".join(response.get("Message", "an error").split())[:200]
    hint = _RIGHTS_HINT if "permission" in said.lower() or "unknown command" in said.lower() else ""
    return _trouble(f"{name}: {said}", hint=hint)
