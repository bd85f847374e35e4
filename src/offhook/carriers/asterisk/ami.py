"""The connection to one Asterisk's manager interface: always there, or on its way back."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from itertools import count

import structlog

from offhook.carriers.asterisk.ami_session import AmiAccount, AmiSession, AmiTiming, OnEvent
from offhook.carriers.asterisk.ami_wire import Message, encode
from offhook.config import Settings
from offhook.errors import CarrierError, ConfigError, WireError

__all__ = ["Ami", "ami_account"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def ami_account(settings: Settings) -> AmiAccount | None:
    """The manager user of the settings, if there is one. Raises ConfigError for one that cannot log in."""
    keys = settings.keys
    if not keys.ami_user:
        return None
    if keys.ami_pass is None:
        raise ConfigError("AMI_PASS is not set", setting="keys.ami_pass", hint="Put AMI_PASS=... into .env.")
    secret = keys.ami_pass.get_secret_value()
    try:
        encode("Login", {"Username": keys.ami_user, "Secret": secret}, "1")
    except WireError as error:
        raise ConfigError(str(error), setting="keys.ami_user and keys.ami_pass") from error
    return AmiAccount(keys.ami_host, keys.ami_port, keys.ami_user, secret)


class Ami:
    """Keeps one connection while `run` runs. What breaks it ends actions, never calls.

    `connected` is set while it is up. `jitter` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        account: AmiAccount,
        timing: AmiTiming | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ):
        self._account = account
        self._timing = timing or AmiTiming()
        self._sleep = sleep
        self._jitter = jitter
        self._session: AmiSession | None = None
        self._problem = "it has not been connected yet"
        self._subscriptions: dict[int, tuple[frozenset[str], OnEvent]] = {}
        self._numbers = count()
        self.connected = asyncio.Event()

    async def action(self, name: str, /, **fields: str) -> Message:
        """Have something done; returns the response. Raises CarrierError where it is refused, not answered in time, or
        there is no connection, and WireError for values that no action can have."""
        return await self._open.action(name, fields)

    async def list_of(self, name: str, /, **fields: str) -> tuple[Message, ...]:
        """The events of a list, such as that of `CoreShowChannels`. Raises what `action` raises."""
        return await self._open.list_of(name, fields)

    def subscribe(self, events: Collection[str], tell: OnEvent) -> Callable[[], None]:
        """Have `tell` called with every event of these names; what is returned ends that."""
        number = next(self._numbers)
        self._subscriptions[number] = (frozenset(events), tell)
        return lambda: self._subscriptions.pop(number, None) and None

    async def run(self) -> None:
        """Connect, and connect again whenever that ends, until cancelled."""
        failures = 0
        while True:
            try:
                session = await AmiSession.open(self._account, self._timing, self._on_event)
            except (CarrierError, WireError) as error:
                self._note(error)
                failures += 1
                await self._sleep(self._pause(failures, error))
                continue
            failures = 0
            await self._serve(session)
            await self._sleep(self._pause(1))

    async def _serve(self, session: AmiSession) -> None:
        self._session = session
        self.connected.set()
        log.info("Asterisk's manager interface is there", address=str(self._account))
        try:
            await session.serve(self._timing.ping_s)
        finally:
            self._session = None
            self.connected.clear()
            await session.close()
        self._problem = session.problem
        log.warning("Asterisk's manager interface is gone; calls go on", problem=session.problem)

    def _note(self, error: CarrierError | WireError) -> None:
        problem = str(error)
        if problem != self._problem:
            log.warning("Asterisk's manager interface cannot be used; calls go on", problem=problem)
        self._problem = problem

    def _pause(self, failures: int, error: CarrierError | WireError | None = None) -> float:
        timing = self._timing
        if isinstance(error, CarrierError) and error.status is not None:
            longest = timing.refused_pause_s
        else:
            longest = min(timing.longest_pause_s, timing.first_pause_s * 2 ** min(failures - 1, 16))
        return longest * (1 - self._jitter() / 2)

    @property
    def _open(self) -> AmiSession:
        if self._session is None:
            problem = self._problem.partition("\n")[0].removeprefix("asterisk: ")
            hint = "Calls go on without it. It is tried again and again; `offhook doctor` says what is wrong."
            raise CarrierError(f"there is no manager interface now: {problem}", carrier="asterisk", hint=hint)
        return self._session

    def _on_event(self, event: Message) -> None:
        for names, tell in tuple(self._subscriptions.values()):
            if event.event in names:
                try:
                    tell(event)
                except Exception:  # a fault over one event must not end the connection of all calls
                    log.exception("a fault over an event of Asterisk", manager_event=event.event)
