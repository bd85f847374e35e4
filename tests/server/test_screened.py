import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from offhook.calls.voice_detection import VoiceDetection
from offhook.carriers.outbound import Dialler
from offhook.carriers.placed import PlacedCall
from offhook.config import Settings
from offhook.events import CallEnded, EndReason
from tests.calls.rig import VOICE, Loud, PaperLeg
from tests.carriers.media_stream.paper_api import PaperApi
from tests.server.board import Board


class Outgoing(Board):
    """A switchboard that answers calls which its dialler has placed."""

    def __init__(self, folder: Path) -> None:
        tree = {"keys": {"from_number": "+15550199"}, "agents": {"reception": {}, "debts": {}}}
        self.dialler = Dialler(Settings.model_validate(tree), {"vobiz": PaperApi()}, lambda: "https://x.example")
        super().__init__(folder, dialler=self.dialler, detection=VoiceDetection(Loud()))
        self.voice = self.switchboard._desk.voice_detection
        assert self.voice is not None
        self.clock.after(self.voice.step)

    async def dial(self, judge: Literal["carrier", "own", "off"]) -> tuple[PlacedCall, PaperLeg]:
        placed = await self.dialler.dial("+15550100", agent="debts", machine_detection=judge)
        return placed, self.ring(self.dialler.origin(placed.id))

    async def speak(self, leg: PaperLeg, ms: int) -> None:
        for _ in range(ms // 20):
            if leg.events is not None and not leg.closed:
                leg.events.on_audio(VOICE)
            await self.run(20)
            while self.voice is not None and self.voice.busy:
                await self.run(0)
                await asyncio.sleep(0.0002)

    def reasons(self) -> list[EndReason]:
        return [event.reason for event in self.events if isinstance(event, CallEnded)]


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Outgoing]:
    board = Outgoing(tmp_path)
    yield board
    await board.switchboard.hang_up_all()
    if board.voice is not None:
        board.voice.shut_down()
    board.files.shutdown()


async def test_a_call_that_we_placed_has_our_id_its_agent_and_is_answered(board: Outgoing) -> None:
    placed, leg = await board.dial("off")
    [call] = board.switchboard.calls
    assert (call.facts.call_id, call.facts.agent, call.facts.direction) == (placed.id, "debts", "outbound")
    assert (placed.state, board.switchboard.find(placed.id)) == ("answered", call)
    await board.speak(leg, 200)
    assert VOICE in leg.sent
    assert leg.events is not None
    leg.events.on_closed(EndReason.CALLER_HUNG_UP, "")
    await board.run(40)
    assert (placed.state, placed.history[-1].detail) == ("ended", "caller hung up")


async def test_our_own_verdict_is_told_to_the_dialler(board: Outgoing) -> None:
    placed, leg = await board.dial("own")
    await board.speak(leg, 2_000)
    assert placed.verdict is not None
    assert (placed.verdict.state, placed.verdict.detail) == ("machine", "by timing")
    assert board.reasons() == [EndReason.ANSWERING_MACHINE]
    assert placed.state == "ended"


@pytest.mark.parametrize("detail", ["", "machine_start", "machine_end_beep"])
async def test_the_carriers_verdict_is_heard(board: Outgoing, detail: str) -> None:
    placed, leg = await board.dial("carrier")
    await board.speak(leg, 400)
    assert leg.sent.count(VOICE) == 0
    board.dialler.progress(placed.id, "machine", detail)
    await board.speak(leg, 100)
    assert board.reasons() == [EndReason.ANSWERING_MACHINE]


async def test_a_person_by_the_carriers_verdict(board: Outgoing) -> None:
    placed, leg = await board.dial("carrier")
    board.dialler.progress(placed.id, "human")
    await board.speak(leg, 200)
    assert VOICE in leg.sent


async def test_a_call_that_comes_back_is_not_screened_again(board: Outgoing) -> None:
    placed, first = await board.dial("carrier")
    assert first.events is not None
    first.events.on_closed(EndReason.CALLER_HUNG_UP, "")
    await board.run(40)
    again = board.ring(board.dialler.origin(placed.id))
    await board.speak(again, 200)
    assert VOICE in again.sent


async def test_calls_that_ring_take_a_line(board: Outgoing) -> None:
    assert not board.switchboard.full
    await board.dialler.dial("+15550100")
    board.ring()
    assert board.switchboard.full
