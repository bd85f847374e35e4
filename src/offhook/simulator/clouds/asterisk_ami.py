"""A double of Asterisk: a manager interface, and calls that come to an AudioSocket as the dialplan would send them.

Events, their order around the UUID, and the words of the responses are those of Asterisk 22.10.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Literal
from uuid import uuid4

from offhook.simulator.clouds.asterisk_actions import perform
from offhook.simulator.clouds.asterisk_channels import Callee, Channel, Plug

__all__ = ["AsteriskDouble", "Manager", "ManagerUser"]

EVERYTHING = frozenset(("call", "dialplan", "system", "originate", "reporting"))


@dataclass(frozen=True)
class ManagerUser:
    """A section of manager.conf."""

    secret: str = "secret"  # noqa: S105 - of a double
    read: frozenset[str] = frozenset(("call", "dialplan"))
    write: frozenset[str] = EVERYTHING


@dataclass(eq=False)
class AsteriskDouble:
    """Stands on a free port inside `async with`; `port` is that of the manager interface.

    `audiosocket` is where the dialplan sends calls. `dialplan` has the extensions that exist, as (context, extension).
    `callees` says what becomes of calls to a number; others answer. `actions` are all that were received after a
    login. With `silent` nothing is answered.
    """

    audiosocket: tuple[str, int] = ("127.0.0.1", 9093)
    users: dict[str, ManagerUser] = field(default_factory=lambda: {"offhook": ManagerUser()})
    dialplan: set[tuple[str, str]] = field(default_factory=lambda: {("transfers", "6001")})
    functions: set[str] = field(default_factory=lambda: {"DIALPLAN_EXISTS", "CALLERID"})
    challenges: bool = True
    banner: bytes = b"Asterisk Call Manager/11.0.0\r\n"
    silent: bool = False
    callees: dict[str, Callee] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    actions: list[dict[str, str]] = field(default_factory=list)
    managers: set["Manager"] = field(default_factory=set)
    connections: int = 0
    port: int = 0
    _numbers: "count[int]" = field(default_factory=count)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> "AsteriskDouble":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()
        for channel in tuple(self.channels.values()):
            await self.hang_up(channel)

    async def start(self) -> None:
        """Listen, at the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and drop whoever is connected. Calls go on."""
        if self._server is not None:
            self._server.close()
        self.disconnect()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def disconnect(self) -> None:
        """Drop every connection to the manager interface."""
        for manager in tuple(self.managers):
            manager.abort()

    def babble(self, data: bytes) -> None:
        """Say `data` to every manager, whatever it is."""
        for manager in self.managers:
            manager.write(data)

    # What happens in the dialplan

    async def call(
        self,
        extension: str = "600",
        *,
        number: str = "+15550100",
        caller: str = "Ann",
        told: Literal["before", "after", "never"] = "before",
        by: Literal["application", "try", "driver"] = "application",
        variables: dict[str, str] | None = None,
    ) -> Channel:
        """A caller whom the dialplan connects to the AudioSocket, with the events before the UUID or after it."""
        channel, call_id = (
            self.channel("PJSIP/desk", "from-trunk", extension, number=number, caller=caller),
            str(uuid4()),
        )
        channel.variables.update(variables or {}, ID=call_id)
        channel.application, channel.data = self._application(by, call_id)
        if told == "before":
            self._tell_of(channel, call_id, by)
        await self.plug_in(channel, call_id)
        if told == "after":
            await asyncio.sleep(0.011)
            self._tell_of(channel, call_id, by)
        return channel

    def channel(
        self, name: str, context: str, extension: str, *, unique_id: str = "", number: str = "", caller: str = ""
    ) -> Channel:
        """A new channel."""
        index = next(self._numbers)
        channel = Channel(f"{name}-{index:08x}", unique_id or f"1795249136.{index}", context, extension, number, caller)
        self.channels[channel.id] = channel
        return channel

    async def plug_in(self, channel: Channel, call_id: str, address: tuple[str, int] | None = None) -> None:
        """Connect a channel to an AudioSocket. When the server ends it, the dialplan goes on to its end: a hangup."""

        async def goes_on() -> None:
            await self.hang_up(channel)

        channel.plug = await Plug.into(*(address or self.audiosocket), call_id, goes_on)

    async def redirect(self, channel: Channel, context: str, extension: str) -> None:
        """Take a channel to another place of the dialplan, away from its AudioSocket."""
        channel.went.append((context, extension))
        channel.context, channel.extension = context, extension
        if channel.plug is not None:
            await channel.plug.pull()
        channel.application, channel.data = "Dial", "PJSIP/6001"
        self.tell("dialplan", "Newexten", *channel.fields(), ("Application", "Dial"), ("AppData", "PJSIP/6001"))

    async def bridge(self, one: Channel, other: Channel) -> None:
        """Let two channels talk to each other, away from their AudioSockets. When one is hung up, the dialplan of the
        other goes on to its end."""
        bridge = f"{next(self._numbers):08x}"
        for channel, peer in ((one, other), (other, one)):
            channel.bridged_with = peer
            channel.application = channel.data = ""
            if channel.plug is not None:
                await channel.plug.pull()
        for channel in (one, other):
            self.tell("call", "BridgeEnter", ("BridgeUniqueid", bridge), *channel.fields())

    async def hang_up(self, channel: Channel, cause: str = "16") -> None:
        """End a channel."""
        if self.channels.pop(channel.id, None) is None:
            return
        if channel.plug is not None:
            await channel.plug.pull()
        words = {"16": "Normal Clearing", "17": "User busy", "34": "Circuit/channel congestion"}.get(cause, "Unknown")
        self.tell("call", "Hangup", *channel.fields(), ("Cause", cause), ("Cause-txt", words))
        channel.gone.set()
        peer, channel.bridged_with = channel.bridged_with, None
        if peer is not None:
            await self.hang_up(peer)

    def find(self, name: str) -> Channel | None:
        """A channel by its name or its id: Asterisk takes either."""
        return next((each for each in self.channels.values() if name in (each.name, each.id)), None)

    def find_beginning(self, text: str) -> Channel | None:
        """A channel whose name or id begins with `text`: so does `Bridge` look for it, and takes any that does."""
        found = [each for each in self.channels.values() if each.name.startswith(text) or each.id.startswith(text)]
        return found[-1] if found else None

    def tell(self, right: str, event: str, *fields: tuple[str, str]) -> None:
        """Send an event to every manager who may and wants to know."""
        for manager in self.managers:
            manager.tell(right, event, fields)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Let a coroutine run beside."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _application(self, by: str, call_id: str) -> tuple[str, str]:
        address = f"{self.audiosocket[0]}:{self.audiosocket[1]}"
        if by == "driver":
            return "Dial", f"AudioSocket/{address}/{call_id}/c(slin),,g"
        if by == "try":
            return "TryExec", f"AudioSocket({call_id},{address})"
        return "AudioSocket", f"{call_id},{address}"

    def _tell_of(self, channel: Channel, call_id: str, by: str) -> None:
        self.tell("dialplan", "VarSet", *channel.fields(), ("Variable", "ID"), ("Value", call_id))
        said = (("Application", channel.application), ("AppData", channel.data))
        self.tell("dialplan", "Newexten", *channel.fields(), *said)
        if by == "driver":
            name = f"AudioSocket/{self.audiosocket[0]}:{self.audiosocket[1]}-{call_id}"
            driver = Channel(name, f"{channel.id}9", "default", "s", state="Down")
            told = (("Variable", "AUDIOSOCKET_UUID"), ("Value", call_id))
            self.tell("dialplan", "VarSet", *driver.fields(), *told)
            self.tell("call", "DialBegin", *channel.fields(), *driver.fields("Dest"), ("DialString", name))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        manager = Manager(self, writer)
        self.connections += 1
        self.managers.add(manager)
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            manager.write(self.banner)
            await manager.serve(reader)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.managers.discard(manager)
            manager.abort()


class Manager:
    """One connection to the manager interface."""

    def __init__(self, pbx: AsteriskDouble, writer: asyncio.StreamWriter):
        self._pbx = pbx
        self._writer = writer
        self._challenge = ""
        self._mask: frozenset[str] | None = None
        self.user: ManagerUser | None = None

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Take actions until the connection ends."""
        action: dict[str, str] = {}
        while line := (await reader.readline()).decode():
            if name := line.partition(":")[0].strip():
                action[name] = line.partition(":")[2].strip()
            elif action:
                taken, action = action, {}
                if not self._pbx.silent:
                    await self._take(taken)

    def write(self, data: bytes) -> None:
        """Say something, well-formed or not."""
        if not self._writer.is_closing():
            self._writer.write(data)

    def abort(self) -> None:
        """Drop the connection."""
        self._writer.transport.abort()

    def tell(self, right: str, event: str, fields: Iterable[tuple[str, str]]) -> None:
        """Send an event if this user may and wants to know."""
        if self.user is not None and right in self.user.read and (self._mask is None or right in self._mask):
            self._say([("Event", event), ("Privilege", f"{right},all"), *fields])

    def reply(self, action: dict[str, str], word: str, *fields: tuple[str, str]) -> None:
        """Answer an action."""
        self._say([("Response", word), *self._id(action), *fields])

    def list_item(self, action: dict[str, str], event: str, *fields: tuple[str, str]) -> None:
        """Send one item of a list that was asked for."""
        self._say([("Event", event), *self._id(action), *fields])

    async def _take(self, action: dict[str, str]) -> None:
        name = action.get("Action", "").lower()
        if name == "challenge":
            self._challenge_for(action)
        elif name == "login":
            self._log_in(action)
        elif self.user is None:
            self.reply(action, "Error", ("Message", "Permission denied"))
        else:
            self._pbx.actions.append(action)
            await perform(self._pbx, self, self.user.write, action)

    def _challenge_for(self, action: dict[str, str]) -> None:
        if not self._pbx.challenges:
            self.reply(action, "Error", ("Message", "Must specify AuthType"))
            return
        self._challenge = "753419076"
        self.reply(action, "Success", ("Challenge", self._challenge))

    def _log_in(self, action: dict[str, str]) -> None:
        user = self._pbx.users.get(action.get("Username", ""))
        if user is None or not self._knows(user, action):
            self.reply(action, "Error", ("Message", "Authentication failed"))
            return
        self.user = user
        wanted = action.get("Events", "on")
        self._mask = None if wanted == "on" else frozenset(wanted.split(","))
        self.reply(action, "Success", ("Message", "Authentication accepted"))

    def _knows(self, user: ManagerUser, action: dict[str, str]) -> bool:
        if action.get("AuthType", "").upper() != "MD5":
            return action.get("Secret") == user.secret
        text = f"{self._challenge}{user.secret}".encode()
        return action.get("Key") == hashlib.md5(text, usedforsecurity=False).hexdigest()

    def _id(self, action: dict[str, str]) -> list[tuple[str, str]]:
        return [("ActionID", action["ActionID"])] if "ActionID" in action else []

    def _say(self, fields: Iterable[tuple[str, str]]) -> None:
        self.write("".join(f"{name}: {value}\r\n" for name, value in fields).encode() + b"\r\n")
