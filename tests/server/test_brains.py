import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

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

    async def ready() -> None:
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


async def test_a_call_that_is_answered_was_expected(tmp_path: Path) -> None:
    expected: list[str] = []
    board = Board(tmp_path)
    switchboard = Switchboard(replace(board.switchboard._desk, expect=expected.append))
    switchboard.expect("vobiz", CallOrigin(agent="debts"))
    switchboard.answer(PaperLeg())
    assert expected == ["debts", "reception"]
    await switchboard.hang_up_all()
    board.files.shutdown()
