import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from offhook.config import Settings
from offhook.errors import SettingsError
from offhook.events import CallerSaid
from offhook.server.brains import Brains
from offhook.server.engines import load_engines
from offhook.simulator.clouds.ears import Saying, scripted_ears
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.openai_speech import SpeechDouble
from offhook.simulator.tone_voice import ToneVoice
from tests.calls.rig import VOICE, Rig
from tests.simulator.clouds.waiting import until

KEY = "sk-right"


class Vendor:
    """A vendor of everything."""

    def __init__(self) -> None:
        self.ears = RealtimeDouble(scripted_ears(Saying("When do you open?", 4_000, 4_600)), api_key=KEY)
        self.chat = ChatDouble([ChatReply("At eight.")], api_key=KEY)
        self.speech = SpeechDouble(ToneVoice(), api_key=KEY)
        self.double = OpenAiDouble(self.ears, self.chat, self.speech, api_key=KEY)


@pytest.fixture
async def brains() -> AsyncIterator[Brains]:
    loaded = Brains()
    yield loaded
    await loaded.close()


def settings(url: str, key: str = KEY) -> Settings:
    table: dict[str, Any] = {"kind": "openai", "base_url": url, "api_key": key}
    agent = {"stt": ["x"], "llm": ["x", "flow"], "tts": ["x"], "greeting": "Hello from {business}."}
    return Settings.model_validate(
        {"agents": {"a": agent}, "stt": {"x": table}, "llm": {"x": table}, "tts": {"x": table}}
    )


async def test_an_agent_on_vendors_is_ready_when_a_call_comes(brains: Brains) -> None:
    vendor = Vendor()
    async with vendor.double.serve() as url:
        of = settings(url)
        await load_engines(of, of.agents, brains)
        asked = vendor.double.models_asked
        assert "Ace Plumbing" in brains.instructions["a"]
        assert brains.phrases is not None
        prepared = " ".join(request.body["input"].strip() for request in vendor.speech.requests)
        assert of.limits.busy_line in prepared
        assert "Hello from Ace Plumbing." in prepared
        brains.expect("a")
        brains.expect("nobody")
        await until(lambda: vendor.double.models_asked == asked + 2)
        await brains.close()


async def test_a_call_is_heard_answered_and_spoken_to_by_vendors(brains: Brains, tmp_path: Path) -> None:
    vendor = Vendor()
    async with vendor.double.serve() as url:
        of = settings(url)
        await load_engines(of, of.agents, brains)
        rig = Rig(tmp_path, agent=of.agents["a"])
        rig.call.answer(brains.engines["a"])
        await rig.run(4_000)
        await rig.run(600, VOICE)
        async with asyncio.timeout(30):
            while not rig.all(CallerSaid) or len(rig.said()) < 2:
                await rig.run(20)
        assert rig.all(CallerSaid)[0].text == "When do you open?"
        assert rig.said()[1] == "At eight."
        await brains.close()


async def test_a_wrong_key_stops_the_start(brains: Brains) -> None:
    async with Vendor().double.serve() as url:
        of = settings(url, key="sk-wrong")
        with pytest.raises(SettingsError, match="refused"):
            await load_engines(of, of.agents, brains)
        await brains.close()


async def test_a_vendor_that_is_away_does_not_stop_it(brains: Brains) -> None:
    of = settings("http://127.0.0.1:1/v1")
    await load_engines(of, of.agents, brains)
    assert set(brains.engines) == {"a"}


async def test_a_variant_is_an_agent_of_its_own_on_the_same_providers(brains: Brains) -> None:
    vendor = Vendor()
    async with vendor.double.serve() as url:
        whole = settings(url).model_dump()
        variants = {"control": {}, "calm": {"greeting": "Good day.", "instructions": "Be calm."}}
        whole["experiments"] = {"tone": {"agent": "a", "variants": variants}}
        whole["limits"]["calls_per_caller"] = 3
        of = Settings.model_validate(whole)
        await load_engines(of, of.answering, brains)
        assert set(brains.engines) == set(brains.expects) == {"a/control", "a/calm"}
        assert (brains.instructions["a/calm"], "Ace" in brains.instructions["a/control"]) == ("Be calm.", True)
        prepared = [request.body["input"].strip() for request in vendor.speech.requests]
        assert {"Hello from Ace Plumbing.", "Good day."} <= set(prepared)
        assert len(prepared) == len(set(prepared)), "no line is prepared twice"
        assert vendor.double.models_asked <= 3, "each provider is asked once, and none for each variant"
        assert "You have called us very often." in prepared
        await brains.close()


async def test_each_language_is_ready_on_the_same_providers_and_knows_the_others(brains: Brains) -> None:
    vendor = Vendor()
    async with vendor.double.serve() as url:
        whole = settings(url).model_dump()
        whole["agents"]["a"]["languages"] = {"es": {"greeting": "Hola de {business}.", "llm": ["x"]}}
        of = Settings.model_validate(whole)
        await load_engines(of, of.answering, brains)
        assert set(brains.engines) == {"a", "a@es"}
        assert brains.instructions["a"].endswith("Talk English with the caller.")
        assert brains.instructions["a@es"].endswith("Talk Spanish with the caller.")
        prepared = [request.body["input"].strip() for request in vendor.speech.requests]
        assert "Hola de Ace Plumbing." in prepared
        assert vendor.double.models_asked <= 3
        for name in ("a", "a@es"):
            parts = brains.engines[name].keywords["parts"]  # type: ignore[attr-defined]
            assert set(parts.languages) == {"en", "es"}
            names = [tool.spec.name for tool in parts.tools]
            assert "switch_language" in names
        await brains.close()


async def test_a_language_that_cannot_be_talked_stops_the_start(brains: Brains) -> None:
    of = Settings.model_validate({"agents": {"a": {"languages": {"es": {}}}}})
    with pytest.raises(SettingsError, match="hibari speaks English only"):
        await load_engines(of, of.answering, brains)
