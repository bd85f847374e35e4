import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.errors import CarrierError
from offhook.events import EndReason
from tests.server.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    async with house.client:
        yield house
    await house.board.switchboard.hang_up_all()
    house.board.files.shutdown()


async def test_a_call_is_placed_and_watched(house: House) -> None:
    body = {"to": "+1 555 0100", "agent": "debts", "variables": {"name": "Ann"}, "ring_timeout_s": 20}
    status, placed = await house.ask("POST", "/calls", body)
    assert status == 201
    assert (placed["state"], placed["to"], placed["from"], placed["agent"]) == (
        "queued",
        "+15550100",
        "+15550199",
        "debts",
    )
    assert (placed["carrier"], placed["carrier_call_id"], placed["over"]) == ("vobiz", "carrier-1", False)
    assert house.carrier.orders[0].ring_timeout_s == 20
    waiting = asyncio.create_task(house.ask("GET", f"/calls/{placed['id']}?wait_s=30"))
    await asyncio.sleep(0.02)
    house.dialler.progress(placed["id"], "busy", "17")
    status, seen = await waiting
    assert (status, seen["state"], seen["over"]) == (200, "busy", True)
    assert [(step["state"], step["detail"]) for step in seen["history"]] == [("queued", ""), ("busy", "17")]
    assert seen["history"][0]["at"].endswith("+00:00")


async def test_the_agent_gets_ready_while_the_phone_rings(house: House) -> None:
    expected: list[str] = []
    desk = house.board.switchboard._desk
    house.board.switchboard._desk = replace(desk, expect=lambda agent, announced: expected.append(agent))
    await house.ask("POST", "/calls", {"to": "+15550100", "agent": "debts"})
    assert expected == ["debts"]


async def test_what_was_not_seen_is_told_at_once(house: House) -> None:
    _, placed = await house.ask("POST", "/calls", {"to": "+15550100"})
    house.dialler.progress(placed["id"], "ringing")
    assert (await house.ask("GET", f"/calls/{placed['id']}?wait_s=30&seen=1"))[1]["state"] == "ringing"
    assert (await house.ask("GET", f"/calls/{placed['id']}?wait_s=0.05"))[1]["state"] == "ringing"


@pytest.mark.parametrize("query", ["wait_s=soon", "wait_s=-1", "seen=nan", "wait_s=inf"])
async def test_a_wrong_query(house: House, query: str) -> None:
    _, placed = await house.ask("POST", "/calls", {"to": "+15550100"})
    status, told = await house.ask("GET", f"/calls/{placed['id']}?{query}")
    assert (status, told["error"]) == (400, f"{query.partition('=')[0]}: must be a number from 0 up")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "to: Field required"),
        ({"to": "the boss"}, "no telephone number"),
        ({"to": "+15550100", "agent": "nobody"}, "no agent"),
        ({"to": "+15550100", "carrier": "pigeon"}, "carrier: "),
        ({"to": "+15550100", "ring_timeout_s": 1}, "ring_timeout_s: "),
        ({"to": "+15550100", "variables": {"name": 1}}, "variables.name: "),
        ({"to": "+15550100", "colour": "red"}, "colour: "),
    ],
)
async def test_a_wrong_wish_places_no_call(house: House, body: dict[str, object], said: str) -> None:
    status, told = await house.ask("POST", "/calls", body)
    assert status == 400
    assert said in told["error"]
    assert house.carrier.orders == []


async def test_a_refusal_of_the_carrier_and_a_missing_address(house: House) -> None:
    house.carrier.fails = CarrierError("refused (402)", carrier="vobiz", status=402, hint="Top it up.")
    assert await house.ask("POST", "/calls", {"to": "+15550100"}) == (
        502,
        {"error": "vobiz: refused (402)\n  Top it up."},
    )
    house.url = ""
    status, told = await house.ask("POST", "/calls", {"to": "+15550100"})
    assert status == 503
    assert "PUBLIC_URL" in told["error"]


async def test_a_call_in_doubt_is_told_as_such(house: House) -> None:
    house.carrier.fails = CarrierError("no answer", carrier="vobiz", unknown=True)
    status, placed = await house.ask("POST", "/calls", {"to": "+15550100"})
    assert (status, placed["state"], placed["doubt"]) == (201, "queued", "vobiz: no answer")


async def test_no_more_calls_are_placed_than_there_are_lines(house: House) -> None:
    house.ring()
    assert (await house.ask("POST", "/calls", {"to": "+15550100"}))[0] == 201
    status, told = await house.ask("POST", "/calls", {"to": "+15550100"})
    assert (status, told["error"]) == (503, "all lines are busy (limits.max_calls)")


async def test_no_more_calls_are_placed_for_an_agent_than_it_takes(tmp_path: Path) -> None:
    house = House(tmp_path, agents={"reception": {}, "debts": {"max_calls": 1}}, limits={"max_calls": 9})
    async with house.client:
        assert (await house.ask("POST", "/calls", {"to": "+15550100", "agent": "debts"}))[0] == 201
        status, told = await house.ask("POST", "/calls", {"to": "+15550100", "agent": "debts"})
        assert (status, told["error"]) == (503, "debts has as many calls as it takes (agents.debts.max_calls)")
        assert (await house.ask("POST", "/calls", {"to": "+15550100"}))[0] == 201
        assert (await house.ask("POST", "/calls", {"to": "+15550100", "agent": "nobody"}))[0] == 400
    await house.board.switchboard.hang_up_all()
    house.board.files.shutdown()


async def test_while_the_server_starts(house: House) -> None:
    house.starting = True
    assert await house.ask("POST", "/calls", {"to": "+15550100"}) == (503, {"error": "the server is still starting"})


async def test_calls_of_both_directions_are_listed_once(house: House) -> None:
    _, placed = await house.ask("POST", "/calls", {"to": "+15550100"})
    origin = house.dialler.origin(placed["id"])
    house.ring(origin)
    house.ring()
    _, listed = await house.ask("GET", "/calls")
    assert [(call["direction"], call["state"]) for call in listed["calls"]] == [
        ("outbound", "answered"),
        ("inbound", "answered"),
    ]
    assert listed["calls"][0]["id"] == placed["id"]
    assert (listed["calls"][1]["from"], listed["calls"][1]["carrier"]) == ("+15550100", "paper")


async def test_who_came_back_from_a_transfer_is_found_by_the_carriers_id(house: House) -> None:
    placed = await house.dialler.dial("+15550100")
    house.dialler.progress(placed.id, "answered")
    house.dialler.progress(placed.id, "ended", "transferred")
    house.ring(house.dialler.origin(placed.id))
    _, call = await house.ask("GET", "/calls/carrier-1")
    assert (call["state"], call["id"] != placed.id) == ("answered", True)
    _, call = await house.ask("GET", f"/calls/{placed.id}")
    assert call["state"] == "ended"


async def test_an_inbound_call_is_watched_to_its_end(house: House) -> None:
    leg = house.ring()
    [call] = house.board.switchboard.calls
    assert (await house.ask("GET", "/calls/carrier-1"))[1]["id"] == call.facts.call_id
    waiting = asyncio.create_task(house.ask("GET", f"/calls/{call.facts.call_id}?wait_s=30"))
    await asyncio.sleep(0.02)
    assert leg.events is not None
    leg.events.on_closed(EndReason.CALLER_HUNG_UP, "")
    assert (await waiting)[1]["state"] == "ended"
    assert (await house.ask("GET", f"/calls/{call.facts.call_id}"))[0] == 404


async def test_what_a_call_may_be_asked_to_do(house: House) -> None:
    house.ring()
    [call] = house.board.switchboard.calls
    path = f"/calls/{call.facts.call_id}"
    assert await house.ask("POST", f"{path}/dtmf", {"digits": "1w2"}) == (202, {"status": "pressed"})
    assert (await house.ask("POST", f"{path}/play", {"url": "https://x.example/a.mp3"}))[0] == 202
    assert (await house.ask("POST", f"{path}/record"))[1] == {"status": "recording", "recording": "recording-1"}
    assert (await house.ask("POST", f"{path}/transfer", {"to": "+1 555 0111"}))[0] == 202
    assert house.carrier.done == [
        ("send_dtmf", "carrier-1", "1w2"),
        ("play", "carrier-1", "https://x.example/a.mp3"),
        ("record", "carrier-1"),
        ("transfer", "carrier-1", "https://x.example/d"),
    ]


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("dtmf", {"digits": "x"}, 400),
        ("transfer", {"to": "the boss"}, 400),
        ("play", {"url": "ftp://x"}, 400),
        ("dtmf", {}, 400),
    ],
)
async def test_wrong_acts(house: House, act: str, body: dict[str, str], status: int) -> None:
    house.ring()
    assert (await house.ask("POST", f"/calls/carrier-1/{act}", body))[0] == status
    assert house.carrier.done == []


@pytest.mark.parametrize(
    ("act", "body"), [("play", {"url": "https://x"}), ("record", None), ("transfer", {"to": "+1555"})]
)
async def test_a_carrier_without_a_hand_on_its_calls(house: House, act: str, body: object) -> None:
    house.ring(held=False)
    status, told = await house.ask("POST", f"/calls/carrier-1/{act}", body)
    assert status == 409
    assert "paper: " in told["error"]


async def test_acts_need_a_call_that_is_up(house: House) -> None:
    _, placed = await house.ask("POST", "/calls", {"to": "+15550100"})
    assert await house.ask("POST", f"/calls/{placed['id']}/record") == (
        409,
        {"error": "the call is not up; it is queued"},
    )
    assert await house.ask("POST", "/calls/nothing/record") == (404, {"error": "there is no call nothing"})
    assert (await house.ask("GET", "/calls/nothing"))[0] == 404
    assert (await house.ask("POST", "/calls/nothing/hangup"))[0] == 404


async def test_hanging_up_a_call_that_rings(house: House) -> None:
    _, placed = await house.ask("POST", "/calls", {"to": "+15550100"})
    assert (await house.ask("POST", f"/calls/{placed['id']}/hangup"))[0] == 200
    assert house.carrier.done == [("hang_up", "carrier-1")]
    assert (await house.ask("GET", f"/calls/{placed['id']}"))[1]["state"] == "failed"


async def test_hanging_up_a_call_that_is_up(house: House) -> None:
    leg = house.ring()
    assert (await house.ask("POST", "/calls/carrier-1/hangup"))[0] == 200
    assert leg.closed == [EndReason.AGENT_HUNG_UP]


async def test_a_path_that_is_not_there(house: House) -> None:
    assert await house.ask("GET", "/nothing") == (404, {"error": "Not Found"})
    assert (await house.ask("DELETE", "/calls"))[0] == 405


async def test_no_calls_are_placed_on_a_day_that_cost_enough(house: House) -> None:
    house.board.spent_up = True
    status, told = await house.ask("POST", "/calls", {"to": "+15550100"})
    assert status == 503
    assert "costs.stop_per_day" in told["error"]
    assert house.carrier.orders == []


async def test_what_a_call_has_cost_so_far(house: House) -> None:
    house.ring()
    [call] = house.board.switchboard.calls
    assert (await house.ask("GET", f"/calls/{call.facts.call_id}"))[1]["cost"] is None
    house.costs[call.facts.call_id] = {"currency": "USD", "total": "0.015"}
    _, listed = await house.ask("GET", "/calls")
    assert [each["cost"] for each in listed["calls"]] == [{"currency": "USD", "total": "0.015"}]
