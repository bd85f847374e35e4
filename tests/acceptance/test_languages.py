"""An agent of two languages: chosen by the number that was called, and switched to in the middle of the call."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from offhook.simulator.clips import render
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.openai_speech import SpeechDouble
from offhook.simulator.clouds.serving import Refuse
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario
from tests.acceptance.running import OFFHOOK, running_server
from tests.acceptance.town import VENDOR_KEY, entries, opened, until

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

IN_ENGLISH, IN_SPANISH = "+14155550121", "+14155550122"
PROVIDERS = """
[agents.reception]
engine = "{engine}"
greeting = "Hello, this is Miller and Sons."
instructions = "You are the receptionist."
stt = ["openai"]
llm = ["openai"]
tts = ["openai"]
[agents.reception.languages.es]
greeting = "Buenos dias, le habla Miller."
tts = ["spanish"]
[realtime.openai]
base_url = "{url}"
[stt.openai]
base_url = "{url}"
stall_ms = 10000
[llm.openai]
base_url = "{url}"
[tts.openai]
base_url = "{url}"
[tts.spanish]
kind = "openai"
base_url = "{url}"
voice = "coral"
"""
ROUTES = """
[[routes]]
agent = "reception"
to = "+14155550122"
language = "es"
"""
ANSWER = "Abrimos a las nueve."
SCENARIO = """
title = "Hours"
[[steps]]
wait_for_agent = "finish"
[[steps]]
say = "What are your opening hours?"
[[steps]]
wait_for_agent = "finish"
[[steps]]
hang_up = true
"""


def system(request: ChatRequest) -> str:
    first: dict[str, Any] = request.body["messages"][0]
    return str(first["content"])


def bilingual(request: ChatRequest) -> ChatReply:
    """A model that goes over to Spanish when it hears of hours, and then knows the answer."""
    if "Talk Spanish" in system(request):
        return ChatReply(ANSWER)
    if any("hours" in str(message.get("content")).lower() for message in request.messages[1:]):
        return ChatReply("", (ScriptedCall("switch_language", {"language": "es"}),))
    return ChatReply("I see.")


class Vendor:
    """Doubles of everything on one address."""

    def __init__(self, ears: EarFactory, equipment: Equipment, **realtime: Any) -> None:
        assert equipment.synthesizer is not None
        self.realtime = RealtimeDouble(ears, api_key=VENDOR_KEY, voice=equipment.synthesizer, **realtime)
        self.chat = ChatDouble(bilingual, api_key=VENDOR_KEY)
        self.speech = SpeechDouble(equipment.synthesizer, api_key=VENDOR_KEY)
        self.double = OpenAiDouble(self.realtime, self.chat, self.speech, api_key=VENDOR_KEY)

    @asynccontextmanager
    async def settings(self, engine: str = "pipeline") -> AsyncIterator[str]:
        async with self.double.serve() as url:
            yield PROVIDERS.format(url=url, engine=engine)

    @property
    def spoken(self) -> list[tuple[str, str]]:
        """What was said with which voice."""
        return [(each.body["voice"], each.body["input"].strip()) for each in self.speech.requests]

    def told(self, *path: str) -> list[Any]:
        """What sessions were told of something, one after the other, where it was told."""
        found = []
        for text in (text for line in self.realtime.lines for text in line.texts if text["type"] == "session.update"):
            value: Any = text["session"]
            for step in path:
                value = value.get(step) if isinstance(value, dict) else None
            found += [value] if value is not None else []
        return found


LANGUAGE = ("audio", "input", "transcription", "language")


async def test_the_number_that_is_called_chooses_the_language(
    tmp_path: Path, ears: EarFactory, equipment: Equipment
) -> None:
    vendor = Vendor(ears, equipment)
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(vendor.settings())
        town = await stack.enter_async_context(opened(tmp_path, settings + ROUTES))
        calls = [town.phone("vobiz", to=number) for number in (IN_ENGLISH, IN_SPANISH)]
        for call in calls:
            await town.heard(call)
            await call.hang_up()
        records = [await town.record_of(call) for call in calls]
        said = [entries(record, "AgentSaid")[0]["text"] for record in records]
        assert said == ["Hello, this is Miller and Sons.", "Buenos dias, le habla Miller."]
        assert [record["agent"] for record in records] == ["reception", "reception"]
        assert sorted(vendor.told(*LANGUAGE)) == ["en", "es"]
        assert ("coral", "Buenos dias, le habla Miller.") in vendor.spoken


async def test_a_model_switches_the_language_and_everything_follows(
    tmp_path: Path, ears: EarFactory, equipment: Equipment
) -> None:
    vendor = Vendor(ears, equipment)
    (question,) = await render(
        parse_scenario('title = "t"\nsteps = [{ say = "What are your opening hours?" }]'), equipment.synthesizer
    )
    assert question is not None
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(vendor.settings())
        town = await stack.enter_async_context(opened(tmp_path, settings + ROUTES))
        call = town.phone("vobiz", to=IN_ENGLISH)
        await town.heard(call)
        call.phone.say(question.pcm.tobytes())
        await town.heard(call, 2)
        await until(lambda: "es" in vendor.told(*LANGUAGE), "a recogniser of Spanish")
        await call.hang_up()
        record = await town.record_of(call)
    [changed] = entries(record, "AgentChanged")
    assert (changed["because"], changed["language"], changed["changed"]) == ("asked", "es", ["language"])
    assert [tool["name"] for tool in entries(record, "ToolCalled")] == ["switch_language"]
    assert [said["text"] for said in entries(record, "AgentSaid")] == ["Hello, this is Miller and Sons.", ANSWER]
    assert ("coral", ANSWER) in vendor.spoken
    assert vendor.told(*LANGUAGE) == ["en", "es"]
    english, spanish = vendor.chat.requests[0], vendor.chat.requests[-1]
    assert "Talk English with the caller." in system(english)
    assert "Talk Spanish with the caller." in system(spanish)
    assert "[From here on talk Spanish with the caller.]" in spanish.last_text


@pytest.mark.parametrize("dies", [False, True], ids=["session", "stand-in"])
async def test_a_session_switches_the_language_and_who_stands_in_for_it_keeps_it(
    tmp_path: Path, ears: EarFactory, equipment: Equipment, *, dies: bool
) -> None:
    def brain(request: ChatRequest) -> ChatReply:
        if dies and "Talk Spanish" in system(request):
            return ChatReply(fault=Refuse(429, "You are out of money.", "insufficient_quota", "insufficient_quota"))
        return bilingual(request) if request.messages[-1]["role"] != "system" else ChatReply("Hello.")

    vendor = Vendor(ears, equipment, brain=brain)
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={VENDOR_KEY}\n")

    def call(settings: str) -> dict[str, Any]:
        with running_server(tmp_path, settings) as server:
            command = [*OFFHOOK, "simulate", "scenario.toml", "--port", str(server.port), "--json"]
            subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=200, check=False)
            server.stop()
            assert "Traceback" not in server.output, server.output
            [record] = server.records()
            return record

    async with vendor.settings("realtime") as settings:
        record = await asyncio.to_thread(call, settings)
    [changed] = entries(record, "AgentChanged")
    assert (changed["because"], changed["language"]) == ("asked", "es")
    assert vendor.told("instructions")[-1].endswith("Talk Spanish with the caller.")
    assert "es" in vendor.told(*LANGUAGE)
    said = [said["text"] for said in entries(record, "AgentSaid")]
    assert ANSWER in said[-1]
    assert bool(vendor.chat.requests) is dies
    if dies:
        assert "Talk Spanish with the caller." in system(vendor.chat.requests[-1])
        assert ("coral", ANSWER) in vendor.spoken
        assert {trouble["what"] for trouble in entries(record, "CallTrouble")} == {"session"}
