import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K
from offhook.calls.engines.expected import Announced
from offhook.calls.leg import CallOrigin
from offhook.config import Settings
from offhook.errors import ConfigError
from offhook.server import brains as module
from offhook.server.brains import Brains, load_brains
from offhook.server.switchboard import Switchboard
from tests.calls.rig import PaperLeg
from tests.server.board import Board


async def test_an_agent_that_is_expected_gets_ready_and_closing_waits_for_nobody() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def ready(announced: Announced | None) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    brains = Brains(expects={"reception": ready})
    brains.expect("nobody")
    brains.expect("reception")
    await begun.wait()
    await brains.close()
    assert ended.is_set()


async def test_what_was_made_before_a_failure_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def close() -> None:
        closed.append("closed")

    async def load(settings: Settings, brains: Brains) -> None:
        brains.closers.append(close)
        raise ConfigError("no")

    monkeypatch.setattr(module, "_load", load)
    with pytest.raises(ConfigError):
        await load_brains(Settings())
    assert closed == ["closed"]


@dataclass
class Waits:
    """Who was expected."""

    expected: list[tuple[str, Announced | None]] = field(default_factory=list)

    def expect(self, agent: str, announced: Announced | None) -> None:
        self.expected.append((agent, announced))


async def test_a_call_that_is_answered_was_expected(tmp_path: Path) -> None:
    waits, board = Waits(), Board(tmp_path)
    switchboard = Switchboard(replace(board.switchboard._desk, expect=waits.expect))
    switchboard.expect("vobiz", CallOrigin(agent="debts"), carrier_call_id="v-1", format=PCM_16K)
    switchboard.answer(PaperLeg())
    (announced_for, announced), (answering, nothing) = waits.expected
    assert (announced_for, answering, nothing) == ("debts", "reception", None)
    assert announced is not None
    assert (announced.facts.announced, announced.facts.agent, announced.format) == ("vobiz:v-1", "debts", PCM_16K)
    assert [call.facts.announced for call in switchboard.calls] == ["paper:carrier-1"]
    await switchboard.hang_up_all()
    board.files.shutdown()


async def test_a_call_that_we_place_is_known_by_our_own_id_and_may_ring_for_long(tmp_path: Path) -> None:
    waits, board = Waits(), Board(tmp_path)
    switchboard = Switchboard(replace(board.switchboard._desk, expect=waits.expect))
    switchboard.expect("twilio", CallOrigin("outbound", dial_id="d-1"))
    switchboard.expect("asterisk", CallOrigin("outbound", dial_id="d-2"))
    switchboard.expect("vobiz", CallOrigin())
    twilio, asterisk, unnamed = (announced for _, announced in waits.expected if announced is not None)
    assert [each.facts.announced for each in (twilio, asterisk, unnamed)] == ["dial:d-1", "dial:d-2", ""]
    assert (twilio.format, asterisk.format) == (MULAW_8K, PCM_8K)
    assert twilio.within_s > 45 > unnamed.within_s
    board.files.shutdown()
