import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from offhook.audio.convert import converter
from offhook.carriers.asterisk.ari_control import AriControl
from offhook.carriers.audiosocket.server import AudioSocketServer
from offhook.carriers.outbound import Dialler
from offhook.config import AudioSocketSettings, Settings
from offhook.errors import ConfigError
from offhook.events import EndReason
from offhook.server.asterisk_ari import AsteriskAri, prepare_ari
from offhook.simulator.clouds.asterisk_ari import AriDouble
from tests.carriers.asterisk.ari_house import PATIENCE_S, holds

if TYPE_CHECKING:
    from offhook.carriers.audiosocket.leg import AudioSocketLeg
    from offhook.server.switchboard import Switchboard


class Board:
    """A switchboard, as far as callers are sent away."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.legs: list[AudioSocketLeg] = []
        self.others: list[AudioSocketLeg] = []


@asynccontextmanager
async def joined(pbx: AriDouble, board: Board) -> AsyncIterator[tuple[AsteriskAri, Dialler]]:
    tree: dict[str, Any] = {
        "keys": {"ari_user": "offhook", "ari_pass": pbx.users["offhook"]},
        "asterisk": {"ari": {"url": pbx.url}, "transfer_context": "transfers"},
    }
    chosen = Settings.model_validate(tree)
    port = 0
    ari = prepare_ari(chosen, lambda: port)
    assert ari is not None
    dialler = Dialler(chosen, {"asterisk": ari.placer}, lambda: "")
    on_call = ari.introduced(board.legs.append, dialler, board.others.append)
    server = AudioSocketServer(AudioSocketSettings(port=0), on_call, converter)
    await server.start()
    port = server.port
    try:
        async with ari.open(cast("Switchboard", board)):
            await asyncio.wait_for(ari.connected.wait(), PATIENCE_S)
            yield ari, dialler
        await dialler.close()
    finally:
        await server.stop()
        await ari.close()


def test_without_a_user_there_is_none() -> None:
    assert prepare_ari(Settings(), lambda: 9093) is None


def test_a_user_without_a_password_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="ARI_PASS"):
        prepare_ari(Settings.model_validate({"keys": {"ari_user": "offhook"}}), lambda: 9093)


async def test_a_caller_is_answered_with_a_control() -> None:
    board = Board()
    async with AriDouble() as pbx, joined(pbx, board):
        caller = await pbx.call("600", "sales")
        await holds(lambda: board.legs)
        (leg,) = board.legs
        assert (leg.origin.from_number, leg.origin.to_number, leg.origin.agent) == ("+15550100", "600", "sales")
        assert isinstance(leg.control, AriControl)
        await leg.control.transfer("6001")
        assert caller.went == [("transfers", "6001")]


async def test_what_comes_by_audiosocket_alone_is_for_others() -> None:
    board = Board()
    async with AriDouble() as pbx, joined(pbx, board) as (ari, _):
        await pbx.media("elsewhere", "6f0e25a6-2a5e-4a6c-9d38-1f3f4d7f0b8e", audiosocket_of(ari), "slin", "other")
        await holds(lambda: board.others)
        assert board.legs == []


def audiosocket_of(ari: AsteriskAri) -> str:
    return ari._calls._audiosocket()


async def test_a_call_that_we_placed() -> None:
    board = Board()
    async with AriDouble() as pbx, joined(pbx, board) as (_, dialler):
        placed = await dialler.dial("6005", variables={"name": "Ann"})
        await holds(lambda: board.legs)
        (leg,) = board.legs
        assert leg.carrier_call_id == leg.origin.dial_id == placed.id == placed.carrier_call_id
        assert (leg.origin.direction, leg.origin.variables) == ("outbound", {"name": "Ann"})
        await leg.close(EndReason.AGENT_HUNG_UP)
        await holds(lambda: not pbx.channels and not pbx.bridges)


async def test_somebody_of_whom_nothing_is_known_any_more_is_hung_up() -> None:
    board = Board()
    async with AriDouble() as pbx, joined(pbx, board):
        channel = pbx.channel("PJSIP/6005", "default", "s", unique_id="6f0e25a6-2a5e-4a6c-9d38-1f3f4d7f0b8e")
        await pbx.enter(channel, "offhook", "offhook-placed")
        await asyncio.wait_for(channel.gone.wait(), PATIENCE_S)
        assert board.legs == []


async def test_a_full_house_leaves_callers_to_the_dialplan() -> None:
    board = Board(full=True)
    async with AriDouble() as pbx, joined(pbx, board):
        caller = await pbx.call()
        await holds(lambda: caller.went == [("", "")])
        assert caller.state == "Ring"


async def test_before_and_after_the_dialplan_has_nobody_to_hand_over_to() -> None:
    async with AriDouble() as pbx:
        assert (await pbx.call()).went == [("", "")]
        async with joined(pbx, Board()):
            pass
        await holds(lambda: "offhook" not in pbx._sockets)
        assert (await pbx.call()).went == [("", "")]
