import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from offhook import cli
from offhook.call_client import CallClient, CallWish, server_url, variables_of
from offhook.carriers.media_stream.webhooks import CallState
from offhook.carriers.placed import PlacedCall
from offhook.config import Settings
from offhook.errors import CallError, CarrierError, ConfigError
from offhook.events import EndReason
from tests.server.house import KEY, House

SETTINGS = Settings.model_validate({"keys": {"api_key": KEY}})


class Phone:
    """Somebody at a terminal, and the server that is asked."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.lines: list[str] = []
        self.time = 0.0

    def client(self, settings: Settings = SETTINGS, url: str = "") -> CallClient:
        return CallClient(
            url or str(self.house.client.make_url("")).rstrip("/"), settings, self.lines.append, now=self.now
        )

    def now(self) -> float:
        return self.time

    async def dial(self) -> tuple["asyncio.Task[int]", PlacedCall]:
        task = asyncio.create_task(self.client().run(CallWish("+15550100")))
        await asyncio.wait_for(self.house.carrier.asked.wait(), 10)
        await self.until(lambda: bool(self.lines))
        return task, self.house.dialler.live[0]

    async def until(self, done: Any) -> None:
        async with asyncio.timeout(10):
            while not done():  # noqa: ASYNC110 - what is waited for happens in another task
                await asyncio.sleep(0.005)


@pytest.fixture
async def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Phone]:
    monkeypatch.setenv("COLUMNS", "40")
    house = House(tmp_path)
    async with house.client:
        yield Phone(house)
    await house.board.switchboard.hang_up_all()
    house.board.files.shutdown()


async def test_a_call_is_followed_to_its_end(phone: Phone) -> None:
    task, call = await phone.dial()
    steps: tuple[CallState, ...] = ("ringing", "answered", "human")
    for number, state in enumerate(steps, 2):
        phone.time += 3
        phone.house.dialler.progress(call.id, state)
        await phone.until(lambda number=number: len(phone.lines) == number)
    phone.time += 60
    phone.house.dialler.progress(call.id, "ended", "NORMAL_CLEARING 4000, by Caller, and a long word or two")
    assert await task == 0
    assert phone.lines == [
        "calling +15550100 from +15550199 by vobiz",
        "0:03  ringing",
        "0:06  answered",
        "0:09  a person answered",
        "1:09  ended (NORMAL_CLEARING 4000, by",
        "      Caller, and a long word or two)",
    ]


@pytest.mark.parametrize(("state", "word"), [("busy", "busy"), ("no_answer", "no answer"), ("failed", "failed")])
async def test_nobody_was_reached(phone: Phone, state: CallState, word: str) -> None:
    task, call = await phone.dial()
    phone.house.dialler.progress(call.id, state)
    assert await task == 1
    assert phone.lines[-1] == f"0:00  {word}"


async def test_a_machine_is_nobody(phone: Phone) -> None:
    task, call = await phone.dial()
    for state in ("answered", "machine"):
        phone.house.dialler.progress(call.id, state)
    phone.house.dialler.progress(call.id, "ended", "answering machine")
    assert await task == 1
    assert phone.lines[-2:] == ["0:00  a machine answered", "0:00  ended (answering machine)"]


async def test_a_call_in_doubt(phone: Phone) -> None:
    phone.house.carrier.fails = CarrierError("no answer", carrier="vobiz", unknown=True)
    task, call = await phone.dial()
    await phone.until(lambda: len(phone.lines) > 1)
    assert "it is unknown whether the call was" in phone.lines[1]
    phone.house.dialler.progress(call.id, "failed", "nothing heard")
    assert await task == 1


async def test_interrupting_hangs_up_a_call_that_rings(phone: Phone) -> None:
    task, call = await phone.dial()
    phone.house.dialler.progress(call.id, "ringing")
    await phone.until(lambda: len(phone.lines) == 2)
    os.kill(os.getpid(), signal.SIGINT)
    assert await task == 1
    assert phone.lines[-2:] == ["hanging up", "0:00  failed (we hung up)"]
    assert phone.house.carrier.done == [("hang_up", "carrier-1")]


async def test_interrupting_hangs_up_a_call_that_is_up(phone: Phone) -> None:
    task, call = await phone.dial()
    leg = phone.house.ring(phone.house.dialler.origin(call.id))
    await phone.until(lambda: len(phone.lines) == 2)
    os.kill(os.getpid(), signal.SIGINT)
    assert await task == 0
    assert phone.lines[-2:] == ["hanging up", "0:00  ended (agent hung up)"]
    assert leg.closed == [EndReason.AGENT_HUNG_UP]


async def test_what_is_wished_reaches_the_server(phone: Phone) -> None:
    wish = CallWish("+15550100", "+15550111", "debts", "vobiz", {"name": "Ann"}, 20)
    task = asyncio.create_task(phone.client().run(wish))
    await asyncio.wait_for(phone.house.carrier.asked.wait(), 10)
    [call] = phone.house.dialler.live
    assert (call.from_number, call.agent, call.variables) == ("+15550111", "debts", {"name": "Ann"})
    assert phone.house.carrier.orders[0].ring_timeout_s == 20
    phone.house.dialler.progress(call.id, "busy")
    assert await task == 1


async def test_a_call_that_cannot_be_placed(phone: Phone) -> None:
    with pytest.raises(CallError, match="no telephone number"):
        await phone.client().run(CallWish("the boss"))


async def test_a_server_that_is_not_there(phone: Phone) -> None:
    with pytest.raises(ConfigError, match=r"no server at http://127\.0\.0\.1:1") as caught:
        await phone.client(url="http://127.0.0.1:1").run(CallWish("+15550100"))
    assert "offhook serve" in caught.value.hint


async def test_a_server_that_is_still_starting(phone: Phone) -> None:
    phone.house.starting = True
    with pytest.raises(ConfigError, match="not ready yet"):
        await phone.client().run(CallWish("+15550100"))


async def test_a_server_with_another_key(phone: Phone) -> None:
    other = Settings.model_validate({"keys": {"api_key": "wrong"}})
    with pytest.raises(ConfigError, match="does not know our key"):
        await phone.client(other).run(CallWish("+15550100"))


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (500, b"[]"), (200, b"[1]")])
async def test_something_else_that_answers(phone: Phone, status: int, body: bytes) -> None:
    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def calls(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_post("/v1/calls", calls)
    async with TestServer(app) as server:
        with pytest.raises(CallError, match="the server"):
            await phone.client(url=str(server.make_url("")).rstrip("/")).run(CallWish("+15550100"))


@pytest.mark.parametrize(
    ("host", "given", "url"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8000"),
        ("0.0.0.0", "", "http://127.0.0.1:8000"),
        ("::", "", "http://[::1]:8000"),
        ("10.0.0.5", "", "http://10.0.0.5:8000"),
        ("127.0.0.1", "https://phone.example/", "https://phone.example"),
        ("127.0.0.1", "10.1.1.1:9000", "http://10.1.1.1:9000"),
    ],
)
def test_where_the_server_is(host: str, given: str, url: str) -> None:
    assert server_url(Settings.model_validate({"server": {"http_host": host}}), given) == url


def test_a_free_port_must_be_named() -> None:
    with pytest.raises(ConfigError, match="http_port"):
        server_url(Settings.model_validate({"server": {"http_port": 0}}))


def test_variables() -> None:
    assert variables_of(["name=Ann", "note=a=b", "empty="]) == {"name": "Ann", "note": "a=b", "empty": ""}
    for wrong in ("name", "=x", ""):
        with pytest.raises(ConfigError, match="--var"):
            variables_of([wrong])


@pytest.mark.parametrize(
    ("environ", "args", "said"),
    [
        ({}, [], "set TO_NUMBER"),
        ({"TO_NUMBER": "+15550100"}, ["--server", "127.0.0.1:1"], "no server at http://127.0.0.1:1"),
        ({}, ["+15550100", "--var", "x", "--server", "127.0.0.1:1"], "is not name=value"),
    ],
)
def test_the_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    environ: dict[str, str],
    args: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["offhook", "call", *args])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
