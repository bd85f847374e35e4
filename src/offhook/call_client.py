"""`offhook call`: asks a running server to place a call, and tells how it goes."""

import asyncio
import contextlib
import shutil
import signal
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from offhook.api_key import find_key
from offhook.config import Settings
from offhook.errors import CallError, ConfigError
from offhook.events import EndReason

__all__ = ["CallClient", "CallWish", "server_url", "variables_of"]

_WAIT_S = 20.0
_ASK_S = 30.0
_AFTER_HANGUP_S = 15.0
_NOT_REACHED = frozenset({"busy", "no_answer", "failed"})
_WORDS = {
    "queued": "placed",
    "ringing": "ringing",
    "answered": "answered",
    "human": "a person answered",
    "machine": "a machine answered",
    "busy": "busy",
    "no_answer": "no answer",
    "failed": "failed",
    "ended": "ended",
}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CallWish:
    """A call to place; empty fields are left to the server's settings."""

    to: str
    from_number: str = ""
    agent: str = ""
    carrier: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    ring_timeout_s: int | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The wish as the API takes it."""
        fields = {
            "to": self.to,
            "from": self.from_number,
            "agent": self.agent,
            "carrier": self.carrier,
            "variables": dict(self.variables),
            "ring_timeout_s": self.ring_timeout_s,
        }
        return {name: value for name, value in fields.items() if value}


def server_url(settings: Settings, given: str = "") -> str:
    """The address of the server with these settings on this machine, or the one given. Raises ConfigError."""
    if given:
        return given.rstrip("/") if "://" in given else f"http://{given.rstrip('/')}"
    host, port = settings.server.http_host, settings.server.http_port
    if not port:
        raise ConfigError(
            "the server picks a free port, so that it is not known which",
            setting="server.http_port",
            hint="Name the address that it printed: --server http://127.0.0.1:PORT",
        )
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what it listens on
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def variables_of(pairs: list[str]) -> dict[str, str]:
    """Variables from `name=value`. Raises ConfigError."""
    wrong = next((pair for pair in pairs if not pair.partition("=")[0] or "=" not in pair), None)
    if wrong is not None:
        raise ConfigError(f'"{wrong}" is not name=value', setting="--var")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


class CallClient:
    """One call by one server. `tell` gets the lines for whoever waits."""

    def __init__(self, url: str, settings: Settings, tell: Tell, *, now: Callable[[], float] = time.monotonic):
        self._url = url
        self._key = find_key(settings)
        self._tell = tell
        self._now = now
        self._began = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def run(self, wish: CallWish) -> int:
        """Place the call and stay with it. Returns 0 after a conversation, 1 if nobody or a machine was reached.

        Raises CallError and ConfigError where it cannot be placed."""
        headers = {"Authorization": f"Bearer {self._key}"}
        timeout = aiohttp.ClientTimeout(total=_ASK_S)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as self._session:
            await self._find_server()
            placed = await self._ask("POST", "/v1/calls", wish.body)
            self._began = self._now()
            shown = f" from {placed['from']}" if placed["from"] else ""
            self._tell(f"calling {placed['to']}{shown} by {placed['carrier']}")
            with _interrupts() as interrupted:
                return await self._follow(placed, interrupted)

    async def _find_server(self) -> None:
        hint = "Start `offhook serve`, or name its address with --server."
        try:
            async with self._open.get(f"{self._url}/health") as response:
                health = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise ConfigError(f"there is no server at {self._url}", hint=hint) from error
        if not isinstance(health, dict) or health.get("status") != "ok":
            raise ConfigError(f"the server at {self._url} is not ready yet", hint="Try again in a moment.")

    async def _follow(self, call: dict[str, Any], interrupted: asyncio.Event) -> int:
        seen = 1
        if call["doubt"]:
            self._tell_wrapped(f"it is unknown whether the call was placed ({_line(call['doubt'])}); waiting for it")
        async for state in self._states(call, interrupted):
            for step in state["history"][seen:]:
                self._step(step)
            seen = len(state["history"])
            call = state
        return 1 if call["state"] in _NOT_REACHED or _met_machine(call) else 0

    async def _states(self, call: dict[str, Any], interrupted: asyncio.Event) -> AsyncIterator[dict[str, Any]]:
        yield call
        path = f"/v1/calls/{call['id']}"
        while not call["over"]:
            news = asyncio.ensure_future(self._ask("GET", f"{path}?wait_s={_WAIT_S:g}&seen={len(call['history'])}"))
            stop = asyncio.ensure_future(interrupted.wait())
            await asyncio.wait((news, stop), return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if interrupted.is_set():
                news.cancel()
                yield await self._hang_up(path)
                return
            call = await news
            yield call

    async def _hang_up(self, path: str) -> dict[str, Any]:
        self._tell("hanging up")
        await self._ask("POST", f"{path}/hangup")
        return await self._ask("GET", f"{path}?wait_s={_AFTER_HANGUP_S:g}&seen=99")

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            async with self._open.request(method, f"{self._url}{path}", json=body) as response:
                status, answer = response.status, orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise CallError(f"the server at {self._url} does not answer ({type(error).__name__})") from error
        if status < 400 and isinstance(answer, dict):
            return answer
        problem = answer.get("error") if isinstance(answer, dict) else None
        if status == 401:
            raise ConfigError(
                f"the server at {self._url} does not know our key",
                setting="OFFHOOK_API_KEY",
                hint="Run this with the settings and as the user of the server, or set the server's own key.",
            )
        raise CallError(str(problem or f"the server answers {status}"))

    @property
    def _open(self) -> aiohttp.ClientSession:
        assert self._session is not None  # noqa: S101 - run() has opened it
        return self._session

    def _step(self, step: Mapping[str, Any]) -> None:
        seconds = int(self._now() - self._began)
        words = _WORDS.get(step["state"], step["state"])
        detail = f" ({_line(step['detail'])})" if step["detail"] else ""
        self._tell_wrapped(f"{seconds // 60}:{seconds % 60:02}  {words}{detail}")

    def _tell_wrapped(self, text: str) -> None:
        width = max(20, shutil.get_terminal_size().columns)
        for line in textwrap.wrap(text, width, subsequent_indent="      "):
            self._tell(line)


def _met_machine(call: Mapping[str, Any]) -> bool:
    """Whether the agent ended the call because a machine had answered."""
    detail: str = call["history"][-1]["detail"]
    return detail == EndReason.ANSWERING_MACHINE.value.replace("_", " ")


def _line(text: str) -> str:
    return " ".join(text.split())


@contextlib.contextmanager
def _interrupts() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C sets once; a second Ctrl-C interrupts as usual."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def interrupted() -> None:
        event.set()
        loop.remove_signal_handler(signal.SIGINT)

    try:
        loop.add_signal_handler(signal.SIGINT, interrupted)
    except (NotImplementedError, RuntimeError, ValueError):
        yield event
        return
    try:
        yield event
    finally:
        loop.remove_signal_handler(signal.SIGINT)
