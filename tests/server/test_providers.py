import sys
import types
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from offhook.config import AgentSettings, LlmSettings, Settings
from offhook.errors import ConfigError, SettingsError
from offhook.providers.llm.base import ResponderFactory
from offhook.server import providers as module
from offhook.server.providers import Providers, cloud_of, named_tables
from offhook.simulator.clouds.ears import scripted_ears
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from tests.calls.rig import Brain

KEY = "sk-right"


def settings(**changes: Any) -> Settings:
    return Settings.model_validate({"agents": {"a": {}}, **changes})


def cloudy(url: str, key: str = KEY) -> Settings:
    """One agent on one vendor's server, three times."""
    table = {"kind": "openai", "base_url": url, "api_key": key}
    agents = {"a": {"stt": ["x"], "llm": ["x"], "tts": ["x"]}}
    return settings(agents=agents, stt={"x": table}, llm={"x": table}, tts={"x": table})


@pytest.fixture
async def vendor() -> AsyncIterator[str]:
    async with OpenAiDouble(RealtimeDouble(scripted_ears(), api_key=KEY), api_key=KEY).serve() as url:
        yield url


class Made:
    """Providers of settings, closed at the end as a server closes them."""

    def __init__(self, of: Settings) -> None:
        self.settings = of
        self.providers = Providers(of)

    async def __aenter__(self) -> "Made":
        for agent in self.settings.answering.values():
            await self.providers.ears(agent)
            await self.providers.voices(agent)
            self.providers.brains(agent, Brain)
        return self

    async def __aexit__(self, *error: object) -> None:
        for close in reversed(self.providers.closers):
            await close()


class Local:
    """A local model that is quickly loaded."""

    loaded = 0

    def __init__(self, *where: object, **options: object) -> None:
        type(self).loaded += 1
        self.name = "local"

    async def warm_up(self) -> None:
        """It is."""


class LocalEars(Local):
    def close(self) -> None:
        """It is."""


class LocalVoice(Local):
    async def close(self) -> None:
        """It is."""


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, made in (
        ("stt.whisper", {"WhisperRecognizer": LocalEars}),
        ("tts.hibari", {"HibariSynthesizer": LocalVoice}),
    ):
        fake = types.ModuleType(name)
        vars(fake).update(made)
        monkeypatch.setitem(sys.modules, f"offhook.providers.{name}", fake)
    monkeypatch.setattr(module, "locate", lambda name, of: None)
    LocalEars.loaded = LocalVoice.loaded = 0


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the extra `local`."""
    for name in ("ctranslate2", "hibari", "tokenizers"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("stt.whisper", "tts.hibari"):
        monkeypatch.delitem(sys.modules, f"offhook.providers.{name}", raising=False)


def test_only_agents_with_a_pipeline_name_providers() -> None:
    tables = named_tables(settings(agents={"a": {"llm": ["openai", "flow"]}, "b": {"engine": "loopback"}}))
    assert list(tables) == [("stt", "whisper"), ("llm", "openai"), ("llm", "flow"), ("tts", "hibari")]


@pytest.mark.parametrize(
    ("stage", "name", "key"),
    [
        ("stt", "deepgram", "DEEPGRAM_API_KEY"),
        ("stt", "openai", "OPENAI_API_KEY"),
        ("llm", "openai", "OPENAI_API_KEY"),
        ("tts", "elevenlabs", "ELEVENLABS_API_KEY"),
        ("tts", "openai", "OPENAI_API_KEY"),
    ],
)
def test_a_missing_key_is_named(stage: str, name: str, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Providers(settings(agents={"a": {stage: [name]}})).check_keys()
    [error] = caught.value.errors
    assert (error.setting, error.problem) == (f"{stage}.{name}.api_key_env", f"{key} is not set")
    assert key in error.hint


def test_all_missing_keys_are_told_at_once() -> None:
    agents = {"a": {"stt": ["deepgram", "whisper"], "tts": ["elevenlabs"]}, "b": {"stt": ["deepgram"]}}
    with pytest.raises(SettingsError) as caught:
        Providers(settings(agents=agents)).check_keys()
    assert len(caught.value.errors) == 2


async def test_each_is_made_once_and_shared(vendor: str) -> None:
    of = cloudy(vendor)
    agents = {"a": of.agents["a"], "b": of.agents["a"]}
    async with Made(of.model_copy(update={"agents": agents})) as made:
        a, b = agents.values()
        assert (await made.providers.ears(a)).first is (await made.providers.ears(b)).first
        assert (await made.providers.voices(a)).first is (await made.providers.voices(b)).first
        assert made.providers.brains(a, Brain).first is made.providers.brains(b, Brain).first
        assert len(made.providers.closers) == 6


@pytest.mark.usefixtures("bare")
async def test_an_agent_on_vendors_needs_no_local_model(vendor: str) -> None:
    async with Made(cloudy(vendor)) as made:
        await made.providers.check()
        await made.providers.first_work()
        standby = await made.providers.ears(made.settings.agents["a"])
        assert standby.first.healthy
    assert "offhook.providers.stt.whisper" not in sys.modules


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("stage", ["stt", "tts"])
async def test_a_local_model_without_its_package_says_what_to_install(stage: str) -> None:
    made = Made(settings())
    agent = made.settings.agents["a"]
    with pytest.raises(ConfigError, match=r"offhook\[local\]"):
        await (made.providers.ears(agent) if stage == "stt" else made.providers.voices(agent))


@pytest.mark.usefixtures("local")
async def test_local_models_are_loaded_once_and_do_a_little_work() -> None:
    async with Made(settings(agents={"a": {}, "b": {}})) as made:
        await made.providers.check()
        await made.providers.first_work()
    assert (LocalEars.loaded, LocalVoice.loaded) == (1, 1)


async def test_a_wrong_key_stops_the_start_and_is_not_shown(vendor: str) -> None:
    async with Made(cloudy(vendor, key="sk-wrong-one")) as made:
        with pytest.raises(SettingsError) as caught:
            await made.providers.check()
    assert [error.setting for error in caught.value.errors] == [
        f"{stage}.x.api_key_env" for stage in ("stt", "tts", "llm")
    ]
    assert "401" in str(caught.value)
    assert "sk-wrong-one" not in str(caught.value)


async def test_a_vendor_that_cannot_be_reached_is_left_alone_for_now() -> None:
    async with Made(cloudy("http://127.0.0.1:1/v1")) as made:
        await made.providers.check()
        agent = made.settings.agents["a"]
        assert not (await made.providers.ears(agent)).first.healthy
        assert not made.providers.brains(agent, Brain).first.healthy


@pytest.mark.usefixtures("local")
async def test_scripts_are_each_agents_own_and_stand_in_for_models(vendor: str) -> None:
    flows: list[ResponderFactory] = []

    def flow() -> ResponderFactory:
        flows.append(Brain())
        return flows[-1]

    of = settings(
        agents={"a": {"llm": ["x", "flow"]}}, llm={"x": {"kind": "openai", "base_url": vendor, "api_key": KEY}}
    )
    async with Made(of) as made, AsyncExitStack():
        agent: AgentSettings = of.agents["a"]
        one, other = made.providers.brains(agent, flow), made.providers.brains(agent, flow)
        assert one.watched[0] is other.watched[0]
        assert [one.watched[1].provider, other.watched[1].provider] == flows


def test_what_is_on_this_machine_has_no_client() -> None:
    local = settings()
    assert [cloud_of(table) for table in named_tables(local).values()] == [None, None, None]
    assert cloud_of(LlmSettings(kind="openai")) is not None


async def test_agents_with_the_same_voices_share_the_lines_that_they_say_often(local: None) -> None:
    variants = {"control": {}, "calm": {"instructions": "Be calm."}, "other": {"voice": "bella"}}
    of = settings(experiments={"tone": {"agent": "a", "variants": variants}})
    async with Made(of) as made:
        assert (LocalEars.loaded, LocalVoice.loaded) == (1, 2)
        control, calm, other = [await made.providers.phrases(agent) for agent in of.answering.values()]
        assert control is calm
        assert control is not other


async def test_what_no_caller_gets_is_not_loaded(local: None) -> None:
    variants = {"calm": {"voice": "bella"}, "old": {"voice": "michael", "weight": 0}}
    async with Made(settings(experiments={"tone": {"agent": "a", "variants": variants}})):
        assert (LocalEars.loaded, LocalVoice.loaded) == (1, 1)
