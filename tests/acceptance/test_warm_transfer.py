"""Transfers on Asterisk, by people with voices: somebody is asked first, while the caller hears music. The pipeline
asks, or a speech-to-speech session does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio

from offhook.audio.melody import own_tune
from offhook.audio.resample import resample
from offhook.config import Settings
from offhook.server.app import Server
from offhook.simulator.clips import render
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser
from offhook.simulator.clouds.asterisk_channels import Callee, Channel
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

PATIENCE_S = 90
DESK = "6001"
TOLD = {"summary": "Ann Miller is calling about the tap in her kitchen."}


def brain(request: ChatRequest) -> ChatReply:
    """Asks at the desk when it hears of it, and says what came of that."""
    last = request.messages[-1]
    if last["role"] == "tool":
        return ChatReply("I am sorry, nobody took the call. What else may I do for you?")
    if "desk" in request.last_text.lower():
        return ChatReply("One moment, I will ask them.", (ScriptedCall("transfer_call", {"to": "desk", **TOLD}),))
    return ChatReply("I see.")


def handing_over(request: ChatRequest) -> ChatReply:
    """Connects the caller at once."""
    if "desk" in request.last_text.lower():
        return ChatReply("I will connect you.", (ScriptedCall("transfer_call", {"to": "desk"}),))
    return ChatReply("I see.")


class House:
    """A server, its Asterisk, and a caller who talks."""

    def __init__(self, pbx: AsteriskDouble, wish: bytes, folder: Path) -> None:
        self.pbx = pbx
        self._wish = wish
        self._folder = folder

    async def caller(self) -> Channel:
        """Somebody who has heard the greeting, and asks for the desk."""
        caller = await self.pbx.call("600")
        await holds(lambda: self.said(caller), "the greeting")
        assert caller.plug is not None
        caller.plug.say(self._wish)
        return caller

    async def desk(self) -> Channel:
        """The channel of who was called at the desk, when they hear us."""
        channel: Channel = await holds(self._at_desk, "the desk is reached")
        return channel

    def _at_desk(self) -> Channel | None:
        found = [each for each in self.pbx.channels.values() if each.name.startswith(f"PJSIP/{DESK}")]
        return found[0] if found and found[0].plug is not None else None

    def records(self) -> list[dict[str, Any]]:
        return [orjson.loads(path.read_bytes()) for path in sorted((self._folder / "calls").glob("*.json"))]

    def record(self, channel: Channel) -> dict[str, Any]:
        call_id = channel.variables.get("ID", channel.id)
        return next((each for each in self.records() if each["call_id"] == call_id), {})

    async def ended(self, channel: Channel) -> dict[str, Any]:
        """The record of a call that is over."""
        await holds(lambda: self.record(channel).get("end_reason"), "the record")
        return self.record(channel)

    def said(self, channel: Channel) -> list[str]:
        """What the agent has said in a call."""
        return [each["heard"] for each in self.turns(channel, "AgentSaid")]

    def turns(self, channel: Channel, event: str) -> list[dict[str, Any]]:
        return [each for each in self.record(channel).get("turns", ()) if each["event"] == event]

    async def outcome(self, caller: Channel) -> str:
        """What came of asking."""
        (ended,) = await holds(lambda: self.turns(caller, "ConsultationEnded"), "an outcome")
        return str(ended["outcome"])

    async def back(self, caller: Channel) -> None:
        """The caller is with the agent again, who talks."""
        await holds(lambda: any("nobody took the call" in line for line in self.said(caller)), "the agent again")
        held, returned = (self.turns(caller, name) for name in ("CallerHeld", "CallerReturned"))
        assert (len(held), len(returned)) == (1, 1)
        (tool,) = self.turns(caller, "ToolCalled")
        assert tool["error"].startswith("the transfer to desk did not work: ")


async def holds(condition: Callable[[], Any], what: str) -> Any:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := condition()):  # noqa: ASYNC110 - files and sockets have no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_S} s: {what}") from None
    return found


@asynccontextmanager
async def opened(
    folder: Path, wish: bytes, session: RealtimeDouble | None = None, *, warm: bool = True, **desk: Any
) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(ChatDouble(brain).serve())
        live = await stack.enter_async_context(session.serve()) if session is not None else ""
        pbx = await stack.enter_async_context(AsteriskDouble())
        settings = Settings.model_validate(
            {
                "server": {"http_port": 0, "data_dir": folder},
                "audiosocket": {"port": 0},
                "limits": {"max_calls": 1},
                "agents": {
                    "reception": {
                        "greeting": "Hello.",
                        "engine": "realtime" if session is not None else "pipeline",
                        "realtime": ["theirs"],
                        "llm": ["ours"],
                        "transfers": {"desk": {"to": DESK, "warm": warm, **desk}},
                        "briefing": {"wait_s": 1},
                    }
                },
                "llm": {"ours": {"kind": "openai", "base_url": chat, "model": "double"}},
                # It hears with a model of its own, on a machine that may be busy.
                "realtime": {"theirs": {"kind": "openai", "base_url": live, "stall_ms": 10_000}},
                "asterisk": {
                    "consult_template": "PJSIP/{number}",
                    "lookup_ms": 1_000,
                    "transfer_context": "offhook-transfers",
                },
                "keys": {
                    "ami_user": "offhook",
                    "ami_pass": ManagerUser.secret,
                    "ami_port": pbx.port,
                    "openai_api_key": "any",
                },
            }
        )
        server = await stack.enter_async_context(Server(settings).running())
        pbx.audiosocket = ("127.0.0.1", server.audiosocket_port)
        assert server.asterisk is not None
        await asyncio.wait_for(server.asterisk.connected.wait(), PATIENCE_S)
        yield House(pbx, wish, folder)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wish(equipment: Equipment) -> bytes:
    """What a caller says who wants to talk to the desk, pcm16 at 8 kHz."""
    scenario = parse_scenario('title = "t"\nsteps = [{ say = "Please connect me to the desk." }]')
    (clip,) = await render(scenario, equipment.synthesizer)
    assert clip is not None
    return clip.pcm.tobytes()


@pytest.fixture(scope="module")
def session(ears: EarFactory, equipment: Equipment) -> RealtimeDouble:
    """A speech-to-speech session that does as the pipeline's model does."""
    return RealtimeDouble(ears, brain=brain, voice=equipment.synthesizer)


def plug_sound(channel: Channel) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    assert channel.plug is not None
    return np.frombuffer(bytes(channel.plug.sound), "<i2")


def music_share(sound: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> float:
    """How much of the energy of a second of `sound` is that of our tune, wherever in it that is."""
    tune = np.frombuffer(resample(own_tune().sound, 16_000, 8_000), "<i2").astype(np.float64)
    second = sound.astype(np.float64)
    size = 2 ** int(np.ceil(np.log2(2 * tune.size + second.size)))
    twice = np.concatenate([tune, tune])
    products = np.fft.irfft(np.fft.rfft(twice, size) * np.conj(np.fft.rfft(second, size)), size)[: tune.size]
    at = int(np.abs(products).argmax())
    energy = np.sqrt((twice[at : at + second.size] ** 2).sum() * (second**2).sum())
    return float(abs(products[at]) / energy)


async def test_who_accepts_is_connected_and_the_caller_hears_nothing_of_the_briefing(
    tmp_path: Path, wish: bytes, equipment: Equipment
) -> None:
    async with opened(tmp_path, wish) as there:
        caller = await there.caller()
        desk = await there.desk()
        await holds(lambda: plug_sound(desk).size > 6 * 8_000, "some seconds of the briefing")
        music = plug_sound(caller)[-24_000:]
        assert [round(music_share(music[at : at + 8_000]), 1) for at in range(0, 24_000, 8_000)] == [1.0, 1.0, 1.0]
        assert equipment.transcribe is not None
        assert "kitchen" in (await equipment.transcribe(plug_sound(desk), 8_000)).lower()
        assert desk.plug is not None
        desk.plug.press("1")
        record = await there.ended(caller)
        assert (record["end_reason"], record["end_detail"]) == ("transferred", "taken by desk (6001)")
        assert (caller.bridged_with, desk.bridged_with) == (desk, caller)
        assert not caller.gone.is_set()
        assert not desk.gone.is_set()
        asked = await there.ended(desk)
        assert (asked["end_reason"], asked["consults_for"]) == ("transferred", record["call_id"])
        assert record["consultations"] == [asked["call_id"]]
        assert await there.outcome(caller) == "accepted"
        assert there.said(caller)[-1] == "One moment, I will ask them."


async def test_who_declines_hears_goodbye_and_the_caller_is_back(tmp_path: Path, wish: bytes) -> None:
    async with opened(tmp_path, wish) as there:
        caller = await there.caller()
        desk = await there.desk()
        assert desk.plug is not None
        desk.plug.press("2")
        await there.back(caller)
        assert await there.outcome(caller) == "declined"
        assert (await there.ended(desk))["end_reason"] == "agent_hung_up"
        assert there.said(desk)[-1] == "All right. Goodbye."
        await asyncio.wait_for(desk.gone.wait(), PATIENCE_S)


@pytest.mark.parametrize(("does", "outcome"), [("busy", "busy"), ("silent", "no_answer"), ("congestion", "failed")])
async def test_where_nobody_is_reached_the_caller_is_back(tmp_path: Path, wish: bytes, does: str, outcome: str) -> None:
    async with opened(tmp_path, wish, ring_s=5) as there:
        there.pbx.callees[DESK] = Callee(does)
        caller = await there.caller()
        await there.back(caller)
        assert await there.outcome(caller) == outcome
        assert not caller.gone.is_set()


async def test_a_machine_does_not_take_the_call(tmp_path: Path, wish: bytes) -> None:
    async with opened(tmp_path, wish) as there:
        caller = await there.caller()
        desk = await there.desk()
        assert desk.plug is not None
        desk.plug.say(wish * 20)
        await there.back(caller)
        assert await there.outcome(caller) == "undecided"
        assert len([line for line in there.said(desk) if "press one" in line]) == 2


async def test_who_hangs_up_without_a_word_leaves_the_caller_with_the_agent(tmp_path: Path, wish: bytes) -> None:
    async with opened(tmp_path, wish) as there:
        caller = await there.caller()
        await there.pbx.hang_up(await there.desk())
        await there.back(caller)
        assert await there.outcome(caller) == "hung_up"


async def test_a_caller_who_leaves_while_it_rings_leaves_nobody_behind(tmp_path: Path, wish: bytes) -> None:
    async with opened(tmp_path, wish) as there:
        there.pbx.callees[DESK] = Callee("silent")
        caller = await there.caller()
        await holds(lambda: [each for each in there.pbx.channels.values() if each.state == "Ringing"], "it rings")
        await there.pbx.hang_up(caller)
        record = await there.ended(caller)
        assert record["end_reason"] == "caller_hung_up"
        assert await there.outcome(caller) == "caller_gone"
        await holds(lambda: not there.pbx.channels, "the desk rings no more")


async def test_a_caller_who_leaves_during_the_briefing_is_told_to_who_was_asked(tmp_path: Path, wish: bytes) -> None:
    async with opened(tmp_path, wish) as there:
        caller = await there.caller()
        desk = await there.desk()
        await there.pbx.hang_up(caller)
        assert (await there.ended(caller))["end_reason"] == "caller_hung_up"
        asked = await there.ended(desk)
        assert asked["end_reason"] == "agent_hung_up"
        assert there.said(desk)[-1].endswith("the caller cannot be connected any more. Goodbye.")
        await holds(lambda: not there.pbx.channels, "nobody is left")


async def test_who_accepts_is_connected_by_a_session(tmp_path: Path, wish: bytes, session: RealtimeDouble) -> None:
    async with opened(tmp_path, wish, session) as there:
        caller = await there.caller()
        desk = await there.desk()
        await holds(lambda: plug_sound(desk).size > 6 * 8_000, "some seconds of the briefing")
        assert round(music_share(plug_sound(caller)[-8_000:]), 1) == 1.0
        assert desk.plug is not None
        desk.plug.press("1")
        record = await there.ended(caller)
        assert (record["end_reason"], record["end_detail"]) == ("transferred", "taken by desk (6001)")
        assert (caller.bridged_with, desk.bridged_with) == (desk, caller)
        (tool,) = there.turns(caller, "ToolCalled")
        assert (tool["name"], tool["error"]) == ("transfer_call", "")


async def test_who_declines_leaves_the_caller_with_the_session(
    tmp_path: Path, wish: bytes, session: RealtimeDouble
) -> None:
    async with opened(tmp_path, wish, session) as there:
        caller = await there.caller()
        desk = await there.desk()
        assert desk.plug is not None
        desk.plug.press("2")
        await there.back(caller)
        assert await there.outcome(caller) == "declined"


async def test_a_session_transfers_without_asking(
    tmp_path: Path, wish: bytes, ears: EarFactory, equipment: Equipment
) -> None:
    session = RealtimeDouble(ears, brain=handing_over, voice=equipment.synthesizer)
    async with opened(tmp_path, wish, session, warm=False) as there:
        there.pbx.dialplan.add(("offhook-transfers", DESK))
        caller = await there.caller()
        record = await there.ended(caller)
        assert (record["end_reason"], caller.went) == ("transferred", [("offhook-transfers", DESK)])
        assert there.said(caller)[-1] == "I will connect you."
        assert not caller.gone.is_set()
