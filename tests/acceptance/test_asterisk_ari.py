"""Calls by the REST interface of Asterisk, by people with voices: greeting, barge-in, transfers cold and warm."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio

from offhook.audio.resample import resample
from offhook.config import Settings
from offhook.server.app import Server
from offhook.simulator.clips import render
from offhook.simulator.clouds.asterisk_ari import AriDouble
from offhook.simulator.clouds.asterisk_channels import Callee, Channel
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

PATIENCE_S = 90
DESK = "6001"
SUMMARY = "Ann Miller is calling about the tap in her kitchen."
LONG = "We repair taps, and pipes, and heaters, and boilers, and roofs, and windows, and doors, and floors, and walls."


def brain(request: ChatRequest, *, warm: bool) -> ChatReply:
    """Asks at the desk when it hears of it, and says what came of that; of repairs it has much to say."""
    last = request.messages[-1]
    if last["role"] == "tool":
        return ChatReply("I am sorry, nobody took the call. What else may I do for you?")
    words = request.last_text.lower()
    if "desk" in words:
        asked = {"to": "desk", **({"summary": SUMMARY} if warm else {})}
        return ChatReply("One moment.", (ScriptedCall("transfer_call", asked),))
    return ChatReply(LONG if "repair" in words else "I see.")


class House:
    """A server, its Asterisk, and a caller who talks at 16 kHz."""

    def __init__(self, pbx: AriDouble, words: dict[str, bytes], folder: Path) -> None:
        self.pbx = pbx
        self._words = words
        self._folder = folder

    async def caller(self) -> Channel:
        """Somebody who has heard the greeting."""
        caller = await self.pbx.call("600", caller="Ann")
        await holds(lambda: self.said("inbound"), "the greeting")
        return caller

    def say(self, channel: Channel, words: str) -> None:
        assert channel.plug is not None
        channel.plug.say(self._words[words])

    async def desk(self) -> Channel:
        """The channel of who was called at the desk, when they hear us."""
        channel: Channel = await holds(self._at_desk, "the desk is reached")
        return channel

    def _at_desk(self) -> Channel | None:
        found = [each for each in self.pbx.channels.values() if each.name.startswith(f"PJSIP/{DESK}")]
        return found[0] if found and found[0].plug is not None else None

    def record(self, direction: str) -> dict[str, Any]:
        every = [orjson.loads(path.read_bytes()) for path in (self._folder / "calls").glob("*.json")]
        return next((each for each in every if each["direction"] == direction), {})

    async def ended(self, direction: str) -> dict[str, Any]:
        """The record of a call that is over."""
        await holds(lambda: self.record(direction).get("end_reason"), "the record")
        return self.record(direction)

    def turns(self, direction: str, event: str) -> list[dict[str, Any]]:
        return [each for each in self.record(direction).get("turns", ()) if each["event"] == event]

    def said(self, direction: str) -> list[str]:
        """What the agent has said in a call."""
        return [each["heard"] for each in self.turns(direction, "AgentSaid")]

    async def tidy(self, *left: Channel) -> None:
        """Nothing of ours is at Asterisk any more, and these channels only."""
        await holds(lambda: set(self.pbx.channels.values()) == set(left), "our channels are gone")


async def holds(condition: Callable[[], Any], what: str) -> Any:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := condition()):  # noqa: ASYNC110 - files and sockets have no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_S} s: {what}") from None
    return found


@asynccontextmanager
async def opened(folder: Path, words: dict[str, bytes], *, warm: bool) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(ChatDouble(partial(brain, warm=warm)).serve())
        pbx = await stack.enter_async_context(AriDouble())
        settings = Settings.model_validate(
            {
                "server": {"http_port": 0, "data_dir": folder},
                "audiosocket": {"port": 0},
                "agents": {
                    "reception": {
                        "greeting": "Hello.",
                        "llm": ["ours"],
                        "transfers": {"desk": {"to": DESK, "warm": warm, "ring_s": 5}},
                    }
                },
                "llm": {"ours": {"kind": "openai", "base_url": chat, "model": "double"}},
                "asterisk": {
                    "transfer_context": "transfers",
                    "consult_template": "PJSIP/{number}",
                    "ari": {"url": pbx.url},
                },
                "keys": {"ari_user": "offhook", "ari_pass": pbx.users["offhook"]},
            }
        )
        server = await stack.enter_async_context(Server(settings).running())
        assert server.ari is not None
        await asyncio.wait_for(server.ari.connected.wait(), PATIENCE_S)
        yield House(pbx, words, folder)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def words(equipment: Equipment) -> dict[str, bytes]:
    """What callers say, pcm16 at 16 kHz."""
    told = {"desk": "Please connect me to the desk.", "repair": "What do you repair?", "stop": "Stop, please, wait."}
    steps = ", ".join(f'{{ say = "{text}" }}' for text in told.values())
    clips = await render(parse_scenario(f'title = "t"\nsteps = [{steps}]'), equipment.synthesizer)
    return {name: resample(clip.pcm.tobytes(), 8_000, 16_000) for name, clip in zip(told, clips, strict=True) if clip}


async def test_a_caller_is_greeted_and_may_interrupt(
    tmp_path: Path, words: dict[str, bytes], equipment: Equipment
) -> None:
    async with opened(tmp_path, words, warm=False) as there:
        caller = await there.caller()
        assert caller.plug is not None
        heard = np.frombuffer(resample(bytes(caller.plug.sound), 16_000, 8_000), "<i2")
        assert equipment.transcribe is not None
        assert "hello" in (await equipment.transcribe(heard, 8_000)).lower()
        there.say(caller, "repair")
        await holds(
            lambda: there.turns("inbound", "AgentSpeechStarted") or there.turns("inbound", "CallerSaid"), "a turn"
        )
        before = caller.plug.heard
        await holds(lambda: caller.plug is not None and caller.plug.heard > before + 150, "some seconds of the answer")
        there.say(caller, "stop")
        await holds(lambda: [each for each in there.turns("inbound", "AgentSaid") if each["interrupted"]], "a barge-in")
        (cut,) = [each for each in there.turns("inbound", "AgentSaid") if each["interrupted"]]
        assert len(cut["heard"]) < len(LONG)
        await there.pbx.hang_up(caller)
        record = await there.ended("inbound")
        assert (record["end_reason"], record["from_number"]) == ("caller_hung_up", "+15550100")
        await there.tidy()


async def test_a_caller_is_sent_to_the_desk(tmp_path: Path, words: dict[str, bytes]) -> None:
    async with opened(tmp_path, words, warm=False) as there:
        caller = await there.caller()
        there.say(caller, "desk")
        record = await there.ended("inbound")
        assert (record["end_reason"], caller.went) == ("transferred", [("transfers", DESK)])
        assert there.said("inbound")[-1] == "One moment."
        await there.tidy(caller)


async def test_who_accepts_is_connected(tmp_path: Path, words: dict[str, bytes], equipment: Equipment) -> None:
    async with opened(tmp_path, words, warm=True) as there:
        caller = await there.caller()
        there.say(caller, "desk")
        desk = await there.desk()
        plug = desk.plug
        assert plug is not None
        await holds(lambda: len(plug.sound) > 6 * 32_000, "some seconds of the briefing")
        heard = np.frombuffer(resample(bytes(plug.sound), 16_000, 8_000), "<i2")
        assert equipment.transcribe is not None
        assert "kitchen" in (await equipment.transcribe(heard, 8_000)).lower()
        plug.press("1")
        record = await there.ended("inbound")
        assert (record["end_reason"], record["end_detail"]) == ("transferred", f"taken by desk ({DESK})")
        assert (caller.bridged_with, desk.bridged_with) == (desk, caller)
        await there.tidy(caller, desk)
        await there.pbx.hang_up(desk)
        await holds(lambda: caller.went == [("", "")], "the caller goes on in the dialplan")


async def test_who_declines_leaves_the_caller_with_the_agent(tmp_path: Path, words: dict[str, bytes]) -> None:
    async with opened(tmp_path, words, warm=True) as there:
        caller = await there.caller()
        there.say(caller, "desk")
        desk = await there.desk()
        assert desk.plug is not None
        desk.plug.press("2")
        await holds(lambda: any("nobody took the call" in line for line in there.said("inbound")), "the agent again")
        await asyncio.wait_for(desk.gone.wait(), PATIENCE_S)
        assert caller.went == []
        assert len(there.pbx.channels) == 2


async def test_a_caller_who_leaves_while_it_rings_leaves_nobody_behind(tmp_path: Path, words: dict[str, bytes]) -> None:
    async with opened(tmp_path, words, warm=True) as there:
        there.pbx.callees[DESK] = Callee("silent")
        caller = await there.caller()
        there.say(caller, "desk")
        await holds(lambda: [each for each in there.pbx.channels.values() if each.state == "Ringing"], "it rings")
        await there.pbx.hang_up(caller)
        assert (await there.ended("inbound"))["end_reason"] == "caller_hung_up"
        await there.tidy()
