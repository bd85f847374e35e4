"""`offhook call` against a running server: people, machines, nobody, and carriers that fail."""

import asyncio
import signal
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from offhook.simulator.clips import render
from offhook.simulator.clouds.media_stream import CARRIERS, Callee, Carrier, CloudCall, answers, busy, no_answer
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario
from tests.acceptance.running import OFFHOOK, RunningServer
from tests.acceptance.town import OURS, PUBLIC, Town, entries, until
from tests.acceptance.vendors import Vendors

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

STEPS = ["ringing", "answered", "ended"]
VARIABLES = ("--var", "name=Tom", "--var", "topic=the kitchen tap")
LINES = """
title = "Whoever is called"
steps = [
    { say = "Hello?" },
    { say = "Thank you, goodbye." },
    { say = "You have reached Tom Baker. I cannot take your call right now. Please leave a message after the tone." },
]
"""
BEEP = (8_000 * np.sin(2 * np.pi * np.arange(3_200) / 8)).astype("<i2").tobytes()


@dataclass(frozen=True)
class Sounds:
    """What those say who are called, pcm16 at 8 kHz."""

    hello: bytes
    goodbye: bytes
    machine: bytes

    @property
    def answering_machine(self) -> Callee:
        speech = self.machine + BEEP
        return Callee(0.3, speech=speech, stays_s=60, machine=True, detected_s=2.0, beep_s=len(speech) / 16_000)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sounds(equipment: Equipment) -> Sounds:
    clips = await render(parse_scenario(LINES), equipment.synthesizer)
    return Sounds(*(clip.pcm.tobytes() for clip in clips if clip is not None))


@dataclass
class Command:
    """A call placed from the command line, and what it printed."""

    town: Town
    carrier: Carrier
    number: str
    status: int = -1
    output: str = ""
    process: asyncio.subprocess.Process | None = None

    async def run(self, agent: str, *more: str) -> None:
        words = ["call", self.number, "--carrier", self.carrier, "--agent", agent, "--server", self.town.url, *more]
        server = self.town.server
        process = await asyncio.create_subprocess_exec(
            *OFFHOOK, *words, cwd=server.folder, env=server.environ, stdout=PIPE, stderr=STDOUT
        )
        self.process = process
        output, _ = await asyncio.wait_for(process.communicate(), 120)
        self.status, self.output = process.returncode or 0, output.decode()

    async def call(self) -> CloudCall:
        """The call at the carrier, when it is placed."""
        calls = self.town.clouds[self.carrier].calls

        def placed() -> list[CloudCall]:
            return [call for call in calls.values() if call.facts.to.lstrip("+") == self.number[1:]]

        (call,) = await until(placed, f"a call to {self.number}")
        assert isinstance(call, CloudCall)
        return call


def commands_to(town: Town, callee: Callee, last_digits: str) -> list[Command]:
    """A call by each carrier to a number at which there is `callee`."""
    number = f"+1415555{last_digits}"
    for cloud in town.clouds.values():
        cloud.callees[number[1:]] = callee
    return [Command(town, carrier, number) for carrier in CARRIERS]


@dataclass
class Placed:
    """All the calls of this module, which go on at the same time."""

    commands: dict[str, list[Command]]
    courses: dict[str, "asyncio.Task[None]"]

    async def over(self, whom: str) -> list[Command]:
        """The calls to one kind of callee, when they are over."""
        await self.courses[whom]
        return self.commands[whom]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def placed(town: Town, sounds: Sounds) -> AsyncIterator[Placed]:
    commands = {
        "people": commands_to(town, answers(0.3, speech=sounds.hello), "0301"),
        "busy": commands_to(town, busy(0.2), "0302"),
        "absent": commands_to(town, no_answer(60), "0303"),
        "left alone": commands_to(town, sounds.answering_machine, "0304"),
        "told": commands_to(town, sounds.answering_machine, "0305"),
    }

    async def talked_with(command: Command) -> None:
        running = asyncio.create_task(command.run("caller", *VARIABLES))
        call = await command.call()
        await town.heard(call)
        call.phone.say(sounds.goodbye)
        await running

    async def course(whom: str) -> None:
        if whom == "people":
            await asyncio.gather(*map(talked_with, commands[whom]))
        else:
            agent = "messenger" if whom == "told" else "caller"
            await asyncio.gather(*(each.run(agent, *VARIABLES, "--ring", "5") for each in commands[whom]))

    courses = {whom: asyncio.create_task(course(whom)) for whom in commands}
    yield Placed(commands, courses)
    await asyncio.gather(*courses.values(), return_exceptions=True)


async def test_people_answer(town: Town, vendors: Vendors, placed: Placed) -> None:
    commands = await placed.over("people")
    for command in commands:
        assert command.status == 0, command.output
        assert command.output.startswith(f"calling {command.number} from {OURS} by {command.carrier}\n")
        assert [word for word in STEPS if word in command.output] == STEPS
        call = await command.call()
        record = await town.record_of(call)
        assert (record["direction"], record["to_number"], record["agent"]) == ("outbound", command.number, "caller")
        assert entries(record, "AgentSaid")[0]["heard"] == "Hello Tom, this is Miller and Sons."
        assert record["end_reason"] == "agent_hung_up"
        assert call.violations == []
    instructions = [request.messages[0]["content"] for request in vendors.chat.requests]
    assert sum("You talk to Tom about the kitchen tap." in each for each in instructions) >= len(commands)


@pytest.mark.parametrize(("whom", "words"), [("busy", "busy"), ("absent", "no answer")])
async def test_nobody_is_reached(town: Town, placed: Placed, whom: str, words: str) -> None:
    for command in await placed.over(whom):
        assert command.status == 1
        assert words in command.output.splitlines()[-1]
        assert town.record(await command.call()) is None


async def test_a_machine_is_left_alone(town: Town, placed: Placed) -> None:
    for command in await placed.over("left alone"):
        assert command.status == 1
        assert "a machine answered" in command.output
        call = await command.call()
        assert (await town.record_of(call))["end_reason"] == "answering_machine"
        assert not np.any(call.phone.heard.between(0, call.phone.heard.length))


async def test_a_machine_is_left_a_message(town: Town, placed: Placed, sounds: Sounds) -> None:
    for command in await placed.over("told"):
        assert command.status == 1
        assert "a machine answered" in command.output
        call = await command.call()
        record = await town.record_of(call)
        assert record["end_reason"] == "answering_machine"
        (said,) = entries(record, "AgentSaid")
        assert said["heard"] == "Hello Tom, please call Miller and Sons back."
        first = np.flatnonzero(call.phone.heard.between(0, call.phone.heard.length))[0]
        assert first / 8_000 >= sounds.answering_machine.beep_s - 0.1
        assert call.violations == []


async def test_ctrl_c_hangs_up(town: Town, sounds: Sounds) -> None:
    commands = commands_to(town, answers(0.3, speech=sounds.hello), "0309")

    async def course(command: Command) -> None:
        running = asyncio.create_task(command.run("caller", *VARIABLES))
        await town.heard(await command.call())
        assert command.process is not None
        command.process.send_signal(signal.SIGINT)
        await running

    await asyncio.gather(*map(course, commands))
    for command in commands:
        assert command.status == 0, command.output
        assert "hanging up" in command.output
        call = await command.call()
        assert (await town.record_of(call))["end_reason"] == "agent_hung_up"
        assert call.ending is not None
        assert not call.ending.by_human


async def test_a_call_is_placed_once_when_the_carrier_fails(town: Town) -> None:
    async def course(carrier: Carrier) -> None:
        cloud = town.clouds[carrier]
        cloud.refuse_next(500)
        before = len(cloud.requests)
        status, placed = await town.ask("POST", "/v1/calls", {"to": "+14155550306", "carrier": carrier})
        assert (status, placed["state"], placed["over"]) == (201, "queued", False)
        assert "500" in placed["doubt"]
        await asyncio.sleep(1.0)
        assert [request.status for request in cloud.requests[before:]] == [500]

    await asyncio.gather(*map(course, CARRIERS))


async def test_a_call_is_placed_once_when_the_connection_breaks(tmp_path: Path) -> None:
    requests: list[bytes] = []

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n"))
        writer.transport.abort()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as carrier:
        api_url = f"http://127.0.0.1:{carrier.sockets[0].getsockname()[1]}"
        environ = {
            "VOBIZ_AUTH_ID": "MA_1",
            "VOBIZ_AUTH_TOKEN": "a-token",
            "OFFHOOK_VOBIZ__API_URL": api_url,
            "PUBLIC_URL": PUBLIC,
            "FROM_NUMBER": OURS,
        }
        server = await asyncio.to_thread(RunningServer, tmp_path, '[agents.echo]\nengine = "loopback"\n', environ)
        try:
            words = ("call", "+14155550308", "--server", f"http://127.0.0.1:{server.http_port}")
            process = await asyncio.create_subprocess_exec(
                *OFFHOOK, *words, cwd=tmp_path, env=server.environ, stdout=PIPE, stderr=STDOUT
            )
            assert process.stdout is not None
            told = [(await asyncio.wait_for(process.stdout.readline(), 60)).decode() for _ in range(2)]
            await asyncio.sleep(1.0)
            process.terminate()
            await process.communicate()
        finally:
            await asyncio.to_thread(server.close)
    assert "it is unknown whether the call was placed" in told[1]
    assert requests == [b"POST /Account/MA_1/Call/ HTTP/1.1\r\n"]


async def test_a_call_that_cannot_be_placed(town: Town) -> None:
    town.clouds["vobiz"].refuse_next(402, "no credit")
    refused = Command(town, "vobiz", "+14155550307")
    await refused.run("caller")
    assert refused.status == 2
    assert "no credit" in refused.output
    assert OURS not in refused.output
