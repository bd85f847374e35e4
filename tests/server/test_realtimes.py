import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offhook.audio.formats import PCM_8K
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.expected import Announced
from offhook.calls.engines.realtime import Realtime
from offhook.calls.engines.stand_in import RealtimeWithStandIn
from offhook.config import AgentSettings, RealtimeSettings, Settings
from offhook.config_files import load_settings
from offhook.errors import SettingsError
from offhook.events import AgentSaid, CallerSaid, CallTrouble, EndReason
from offhook.providers.llm.base import CallFacts
from offhook.providers.realtime.elevenlabs import ElevenLabsAgent
from offhook.providers.realtime.gemini import GeminiLive
from offhook.providers.realtime.openai_live import OpenAiLive
from offhook.server.brains import Brains
from offhook.server.engines import load_engines
from offhook.server.providers import Providers, cloud_of, for_agent, model_of, named_tables
from offhook.simulator.clouds.ears import Saying, scripted_ears
from offhook.simulator.clouds.elevenlabs_agent import VendorAgent
from offhook.simulator.clouds.elevenlabs_agents import AgentsDouble
from offhook.simulator.clouds.gemini_live import GeminiDouble
from offhook.simulator.clouds.lines import Line
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply
from offhook.simulator.clouds.openai_live import LiveDouble
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.openai_speech import SpeechDouble
from offhook.simulator.tone_voice import ToneVoice
from tests.calls.rig import VOICE, Rig
from tests.simulator.clouds.waiting import until

KEY = "sk-right"


class Vendor:
    """A vendor of everything, speech to speech above all."""

    def __init__(self) -> None:
        ears = scripted_ears(Saying("When do you open?", 4_000, 4_600))
        self.realtime = RealtimeDouble(ears, brain=lambda request: ChatReply("At eight."), api_key=KEY)
        self.speech = SpeechDouble(ToneVoice(), api_key=KEY)
        self.double = OpenAiDouble(self.realtime, ChatDouble([ChatReply("At nine.")]), self.speech, api_key=KEY)


@pytest.fixture
async def brains() -> AsyncIterator[Brains]:
    loaded = Brains()
    yield loaded
    await loaded.close()


def settings(url: str, key: str = KEY, **changes: Any) -> Settings:
    table: dict[str, Any] = {"kind": "openai", "base_url": url, "api_key": key}
    agent = {"engine": "realtime", "realtime": ["x"], "stt": ["x"], "llm": ["x"], "tts": ["x"], **changes}
    tables = {stage: {"x": table} for stage in ("stt", "llm", "tts", "realtime")}
    return Settings.model_validate({"agents": {"a": agent}, **tables})


async def test_a_call_is_answered_by_a_session(brains: Brains, tmp_path: Path) -> None:
    vendor = Vendor()
    async with vendor.double.serve() as url:
        of = settings(url, realtime_fallback=False)
        await load_engines(of, of.agents, brains)
        assert vendor.speech.requests == []
        assert brains.phrases is None
        assert "Ace Plumbing" in brains.instructions["a"]
        brains.expect("a")
        rig = Rig(tmp_path, agent=of.agents["a"])
        rig.call.answer(brains.engines["a"])
        await rig.run(4_000)
        await rig.run(600, VOICE)
        async with asyncio.timeout(30):
            while len(rig.all(AgentSaid)) < 2 or not rig.all(CallerSaid):
                await rig.run(20)
        rig.call.end(EndReason.SHUTDOWN)
        await rig.call.ended.wait()
        await brains.close()
    assert [event.text for event in rig.all(CallerSaid)] == ["When do you open?"]
    assert [event.heard for event in rig.all(AgentSaid)][1] == "At eight."


async def test_a_call_that_rang_has_the_session_that_was_opened_meanwhile(brains: Brains, tmp_path: Path) -> None:
    vendor = Vendor()
    async with vendor.double.serve() as url:
        of = settings(url, realtime_fallback=False)
        await load_engines(of, of.agents, brains)
        facts = CallFacts("call-1", "a", "You are A.", datetime(2026, 3, 2, tzinfo=UTC))
        for key in ("vobiz:1", "vobiz:2"):
            brains.expect("a", Announced(replace(facts, announced=key), PCM_8K))
        # Before the rig, in which no time passes by itself.
        # The first one was the check at the start.
        await until(lambda: ["session.updated" in kinds(line) for line in vendor.realtime.lines] == [False, True, True])
        rig = Rig(tmp_path, agent=of.agents["a"])
        rig.call.facts = replace(facts, instructions="You are Ann.", announced="vobiz:1")
        rig.call.answer(brains.engines["a"])
        async with asyncio.timeout(30):
            while not rig.all(AgentSaid):
                await rig.run(20)
        assert len(vendor.realtime.sessions) == 3
        assert vendor.realtime.sessions[1].settings["instructions"] == "You are Ann."
        assert [event["type"] for event in vendor.realtime.lines[2].texts] == ["session.update"]
        assert not vendor.realtime.lines[2].closed
        rig.call.end(EndReason.SHUTDOWN)
        await rig.call.ended.wait()
        await brains.close()


def kinds(line: Line) -> list[str]:
    return [str(event["type"]) for event in line.sent]


async def test_a_session_whose_time_is_over_is_followed_by_another(brains: Brains, tmp_path: Path) -> None:
    vendor = Vendor()
    async with vendor.double.serve() as url:
        of = settings(url, realtime_fallback=False)
        await load_engines(of, of.agents, brains)
        rig = Rig(tmp_path, agent=of.agents["a"])
        rig.call.answer(brains.engines["a"])
        async with asyncio.timeout(30):
            while not rig.all(AgentSaid):
                await rig.run(20)
        await vendor.realtime.expire()
        async with asyncio.timeout(30):
            while not rig.all(CallTrouble) or len(vendor.realtime.sessions) < 2:
                await rig.run(20)
        await rig.run(4_000)
        await rig.run(600, VOICE)
        async with asyncio.timeout(30):
            while len(rig.all(AgentSaid)) < 2 or not rig.all(CallerSaid):
                await rig.run(20)
        rig.call.end(EndReason.SHUTDOWN)
        await rig.call.ended.wait()
        await brains.close()
    assert [event.text for event in rig.all(CallerSaid)] == ["When do you open?"]
    assert rig.all(AgentSaid)[1].heard == "At eight."
    assert len(rig.all(CallTrouble)) == 1


async def test_the_pipeline_stands_by_unless_it_is_not_wanted(brains: Brains, tmp_path: Path) -> None:
    vendor = Vendor()
    engines: list[Engine] = []
    async with vendor.double.serve() as url:
        for wanted in (True, False):
            of = settings(url, realtime_fallback=wanted)
            await load_engines(of, of.agents, brains)
            rig = Rig(tmp_path)

            def engine(handle: CallHandle) -> Engine:
                engines.append(brains.engines["a"](handle))
                return engines[-1]

            rig.call.answer(engine)
            rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
            await rig.call.ended.wait()
            prepared = " ".join(request.body["input"] for request in vendor.speech.requests)
            assert "One moment, please." in prepared
            await brains.close()
    assert [type(engine) for engine in engines] == [RealtimeWithStandIn, Realtime]


async def test_a_wrong_key_stops_the_start(brains: Brains) -> None:
    async with Vendor().double.serve() as url:
        of = settings(url, key="sk-wrong", realtime_fallback=False)
        with pytest.raises(SettingsError, match=r"realtime\.x\.api_key_env"):
            await load_engines(of, of.agents, brains)
        await brains.close()


def test_a_missing_key_is_named_and_what_is_not_used_needs_none() -> None:
    of = Settings.model_validate({"agents": {"a": {"engine": "realtime", "tts": ["elevenlabs"]}}})
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
        Providers(of).check_keys()
    assert "ELEVENLABS_API_KEY" in str(caught.value)
    alone = {"engine": "realtime", "tts": ["elevenlabs"], "realtime_fallback": False}
    assert set(named_tables(Settings.model_validate({"agents": {"a": alone}}))) == {("realtime", "openai")}


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_gemini_has_its_key_by_either_name(name: str, tmp_path: Path) -> None:
    config = tmp_path / "offhook.toml"
    config.write_text('[agents.a]\nengine = "realtime"\nrealtime = ["gemini"]\nrealtime_fallback = false\n')
    with pytest.raises(SettingsError, match="GEMINI_API_KEY is not set"):
        Providers(load_settings(config, {}, tmp_path)).check_keys()
    found = load_settings(config, {name: "AIza"}, tmp_path)
    Providers(found).check_keys()
    table = found.realtime_settings("gemini")
    cloud = cloud_of(table)
    assert isinstance(cloud, GeminiLive)
    assert model_of(cloud, table) == "gemini-3.8-live"


async def test_a_wrong_key_of_gpt_live_stops_the_start(brains: Brains) -> None:
    vendor = LiveDouble(scripted_ears(), brain=lambda request: ChatReply("At eight."), api_key="right")
    async with vendor.serve() as url:
        table = {"openai-live": {"base_url": url, "api_key": "wrong"}}
        agent = {"engine": "realtime", "realtime": ["openai-live"], "realtime_fallback": False}
        of = Settings.model_validate({"agents": {"a": agent}, "realtime": table})
        with pytest.raises(SettingsError, match="OPENAI_API_KEY is refused"):
            await load_engines(of, of.agents, brains)
        await brains.close()
    assert isinstance(cloud_of(of.realtime_settings("openai-live")), OpenAiLive)
    assert not vendor.lines


async def test_a_wrong_key_of_gemini_stops_the_start(brains: Brains) -> None:
    vendor = GeminiDouble(scripted_ears(), brain=lambda request: ChatReply("At eight."), api_key="right")
    async with vendor.serve() as url:
        table = {"gemini": {"base_url": url, "api_key": "wrong"}}
        agent = {"engine": "realtime", "realtime": ["gemini"], "realtime_fallback": False}
        of = Settings.model_validate({"agents": {"a": agent}, "realtime": table})
        with pytest.raises(SettingsError, match="GEMINI_API_KEY is refused"):
            await load_engines(of, of.agents, brains)
        await brains.close()


async def test_a_wrong_key_of_elevenlabs_stops_the_start(brains: Brains) -> None:
    vendor = AgentsDouble(
        scripted_ears(),
        brain=lambda request: ChatReply("At eight."),
        agents={"agent_1": VendorAgent()},
        api_key="right",
    )
    async with vendor.serve() as url:
        table = {"desk": {"kind": "elevenlabs", "agent_id": "agent_1", "base_url": url, "api_key": "wrong"}}
        agent = {"engine": "realtime", "realtime": ["desk"], "realtime_fallback": False}
        of = Settings.model_validate({"agents": {"a": agent}, "realtime": table})
        assert isinstance(cloud_of(of.realtime_settings("desk")), ElevenLabsAgent)
        with pytest.raises(SettingsError, match="ELEVENLABS_API_KEY is refused"):
            await load_engines(of, of.agents, brains)
        await brains.close()


async def test_a_call_is_answered_by_gemini_and_then_by_openai(brains: Brains, tmp_path: Path) -> None:
    vendor = Vendor()
    ears = scripted_ears(Saying("When do you open?", 4_000, 4_600))
    gemini = GeminiDouble(ears, brain=lambda request: ChatReply("At seven."), answers=1)
    async with vendor.double.serve() as url, gemini.serve() as other:
        # The call's clock runs ahead of the doubles'.
        patient = {"stall_ms": 60_000}
        tables = {"gemini": {"base_url": other, **patient}, "x": {"kind": "openai", "base_url": url, **patient}}
        tables["x"]["api_key"] = KEY
        agent = {"engine": "realtime", "realtime": ["gemini", "x"], "realtime_fallback": False}
        of = Settings.model_validate({"agents": {"a": agent}, "realtime": tables})
        await load_engines(of, of.agents, brains)
        rig = Rig(tmp_path, agent=of.agents["a"])
        rig.call.answer(brains.engines["a"])
        await rig.run(4_000)
        await rig.run(600, VOICE)
        async with asyncio.timeout(30):
            while len(rig.all(AgentSaid)) < 2:
                await rig.run(20)
        rig.call.end(EndReason.SHUTDOWN)
        await rig.call.ended.wait()
        await brains.close()
    [trouble] = rig.all(CallTrouble)
    assert "quota" in trouble.detail
    assert rig.all(AgentSaid)[1].heard == "At eight."


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ValueError, match='there is no realtime "openia"; there are: openai'):
        Settings.model_validate({"agents": {"a": {"engine": "realtime", "realtime": ["openia"]}}})


def test_a_table_takes_from_the_agent_what_it_does_not_say() -> None:
    agent = AgentSettings.model_validate({"language": "de", "turns": {"silence_ms": 700, "vad_threshold": 0.6}})
    table = for_agent(RealtimeSettings(silence_ms=900), agent)
    assert (table.language, table.silence_ms, table.threshold, table.prefix_padding_ms) == ("de", 900, 0.6, 300)
    assert table.speed == 1.0


def test_a_session_speaks_as_fast_as_the_agent_is_to_as_far_as_it_can() -> None:
    agent = AgentSettings(speed=1.2)
    assert for_agent(RealtimeSettings(), agent).speed == 1.2
    assert for_agent(RealtimeSettings(speed=0.9), agent).speed == 0.9
    assert for_agent(RealtimeSettings(), AgentSettings(speed=2.0)).speed == 1.5


async def test_where_callers_may_not_interrupt_the_rest_of_the_turns_stays(brains: Brains) -> None:
    table = {"kind": "openai", "turn_detection": "semantic_vad", "api_key": KEY}
    agent = {"engine": "realtime", "realtime": ["x"]}
    of = Settings.model_validate({"agents": {"a": agent}, "realtime": {"x": table}})
    turns = Providers(of).uninterrupted(of.agents["a"])
    assert (turns.kind, turns.interrupts) == ("semantic_vad", False)
