import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.audio.convert import converter
from offhook.calls.leg import CallOrigin
from offhook.carriers.asterisk.control import AsteriskControl
from offhook.carriers.asterisk.websocket_leg import WebSocketLeg
from offhook.carriers.asterisk.websocket_origin import introduction
from offhook.carriers.asterisk.websocket_wire import MediaStart, read_event
from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.carriers.audiosocket.server import AudioSocketServer
from offhook.carriers.outbound import Dialler
from offhook.config import AudioSocketSettings, Settings
from offhook.errors import CallError, CarrierError, ConfigError
from offhook.events import EndReason
from offhook.server.asterisk import Asterisk, open_asterisk
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser
from offhook.simulator.clouds.asterisk_channels import Callee
from tests.carriers.asterisk.websocket_samples import json_start

PATIENCE_S = 20


class Desk:
    """Answers legs and notes them."""

    def __init__(self) -> None:
        self.legs: list[AudioSocketLeg] = []
        self.answered = asyncio.Event()

    def answer(self, leg: AudioSocketLeg) -> None:
        self.legs.append(leg)
        self.answered.set()

    async def first(self) -> AudioSocketLeg:
        await asyncio.wait_for(self.answered.wait(), PATIENCE_S)
        return self.legs[0]


def settings(port: int, **tree: Any) -> Settings:
    keys = {"ami_user": "offhook", "ami_pass": ManagerUser.secret, "ami_port": port}
    return Settings.model_validate({"keys": keys, **tree})


@asynccontextmanager
async def joined(pbx: AsteriskDouble, desk: Desk, **tree: Any) -> AsyncIterator[tuple[Asterisk, Dialler]]:
    """The double, its manager interface and an AudioSocket that answers by the desk."""
    chosen = settings(pbx.port, **tree)
    port = 0
    async with open_asterisk(chosen, lambda: port) as asterisk:
        assert asterisk is not None
        dialler = Dialler(chosen, {"asterisk": asterisk.placer}, lambda: "")
        served = AudioSocketSettings(port=0)
        server = AudioSocketServer(served, asterisk.introduced(desk.answer, dialler), converter)
        await server.start()
        port = server.port
        pbx.audiosocket = ("127.0.0.1", port)
        try:
            await asyncio.wait_for(asterisk.connected.wait(), PATIENCE_S)
            yield asterisk, dialler
        finally:
            await dialler.close()
            await server.stop()


async def test_without_a_user_there_is_none() -> None:
    async with open_asterisk(Settings(), lambda: 9093) as asterisk:
        assert asterisk is None


async def test_a_user_without_a_secret_stops_the_start() -> None:
    wrong = Settings.model_validate({"keys": {"ami_user": "offhook"}})
    with pytest.raises(ConfigError, match="AMI_PASS"):
        async with open_asterisk(wrong, lambda: 9093):
            pass


async def test_a_leg_is_answered_when_it_is_known_who_calls() -> None:
    desk = Desk()
    async with AsteriskDouble() as pbx, joined(pbx, desk, asterisk={"lookup_ms": 1_000}):
        await pbx.call("600", told="after")
        leg = await desk.first()
        assert (leg.origin.from_number, leg.origin.to_number) == ("+15550100", "600")
        assert isinstance(leg.control, AsteriskControl)


async def test_a_caller_who_is_waited_for_keeps_nobody_else_waiting() -> None:
    desk = Desk()
    async with AsteriskDouble() as pbx, joined(pbx, desk, asterisk={"lookup_ms": 1_000}):
        await pbx.call("601", told="never")
        await pbx.call("602", told="before")
        assert (await desk.first()).origin.to_number == "602"
        assert len(desk.legs) == 1
        async with asyncio.timeout(PATIENCE_S):
            while len(desk.legs) < 2:  # noqa: ASYNC110 - the desk has an event for the first
                await asyncio.sleep(0.01)
        assert desk.legs[1].origin == CallOrigin()


async def test_a_call_that_we_placed_is_known_at_once() -> None:
    desk = Desk()
    async with AsteriskDouble() as pbx, joined(pbx, desk) as (_, dialler):
        placed = await dialler.dial("6005", variables={"name": "Ann"})
        leg = await desk.first()
        assert leg.carrier_call_id == leg.origin.dial_id == placed.id == placed.carrier_call_id
        assert (leg.origin.direction, leg.origin.to_number, leg.origin.variables) == (
            "outbound",
            "6005",
            {"name": "Ann"},
        )
        control = leg.control
        assert control is not None
        await control.send_dtmf("5")
        assert pbx.channels[placed.id].keys == "5"
        await leg.close(EndReason.AGENT_HUNG_UP)
        await asyncio.wait_for(gone(pbx), PATIENCE_S)


async def gone(pbx: AsteriskDouble) -> None:
    while pbx.channels:  # noqa: ASYNC110 - channels take themselves out
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_an_address_that_asterisk_cannot_connect_to(host: str) -> None:
    async with AsteriskDouble() as pbx, joined(pbx, Desk(), audiosocket={"host": host}) as (_, dialler):
        with pytest.raises(CarrierError, match="AudioSocket") as caught:
            await dialler.dial("6005")
        assert "asterisk.audiosocket" in caught.value.hint
        assert (pbx.actions, dialler.live) == ([], ())


async def test_the_address_of_the_settings() -> None:
    there = {"asterisk": {"audiosocket": "10.0.0.5:9093"}}
    async with AsteriskDouble() as pbx, joined(pbx, Desk(), **there) as (_, dialler):
        pbx.callees["6005"] = Callee("busy")
        await dialler.dial("6005")
        (asked,) = pbx.actions
        assert asked["Data"].endswith(",10.0.0.5:9093")


def websocket_leg(**told: str) -> WebSocketLeg:
    """The leg of a WebSocket channel, which has no socket."""

    class Nowhere:
        def write_text(self, text: str) -> None:
            pass

        def write_bytes(self, data: bytes) -> None:
            pass

    async def hang_up(reason: EndReason) -> None:
        pass

    variables = {f"__OFFHOOK_{name.upper()}": value for name, value in told.items()}
    start = read_event(json_start(channel="WebSocket/offhook/0x1", channel_variables=variables))
    assert isinstance(start, MediaStart)
    known = introduction(start, {})
    return WebSocketLeg(Nowhere(), hang_up, start=start, introduction=known, peer="127.0.0.1:1", lead_ms=400)


@pytest.mark.parametrize("named", [True, False])
async def test_the_caller_of_a_websocket_call_is_transferred(named: bool) -> None:
    there = {"asterisk": {"transfer_context": "transfers"}}
    async with AsteriskDouble() as pbx, joined(pbx, Desk(), **there) as (asterisk, _):
        caller = pbx.channel("PJSIP/desk", "from-trunk", "600")
        ours = pbx.channel("WebSocket/offhook/0x1", "default", "s", unique_id="1795256604.21")
        ours.name, ours.variables["BRIDGEPEER"] = "WebSocket/offhook/0x1", caller.name
        answered: list[WebSocketLeg] = []
        asterisk.controlled(answered.append)(websocket_leg(channel=caller.id) if named else websocket_leg())
        (leg,) = answered
        assert leg.control is not None
        await leg.control.send_dtmf("5")
        await leg.control.transfer("6001")
        assert (caller.keys, caller.went) == ("5", [("transfers", "6001")])
        assert bool([each for each in pbx.actions if each.get("Variable") == "BRIDGEPEER"]) is not named


async def test_a_websocket_channel_that_is_connected_to_nobody() -> None:
    async with (
        AsteriskDouble() as pbx,
        joined(pbx, Desk(), asterisk={"transfer_context": "transfers"}) as (asterisk, _),
    ):
        ours = pbx.channel("WebSocket/offhook/0x1", "default", "s")
        ours.name = "WebSocket/offhook/0x1"
        answered: list[WebSocketLeg] = []
        asterisk.controlled(answered.append)(websocket_leg())
        control = answered[0].control
        assert control is not None
        with pytest.raises(CallError, match="no caller"):
            await control.transfer("6001")
