import asyncio
from dataclasses import replace
from pathlib import Path

import orjson

from offhook.calls.leg import CallOrigin
from offhook.carriers.outbound import Dialler
from offhook.config import RouteSettings, Settings
from offhook.events import CallEnded, CallStarted, CallTrouble, EndReason
from offhook.server.switchboard import Switchboard
from tests.calls.rig import PaperLeg
from tests.carriers.media_stream.paper_api import PaperApi
from tests.server.board import Board, opened


async def test_answers_up_to_the_limit_and_tells_the_next_that_it_is_busy(board: Board) -> None:
    legs = [board.ring() for _ in range(3)]
    await board.run(2_000)
    assert [leg.closed for leg in legs] == [[], [], [EndReason.BUSY]]
    spoken = [frame for frame in legs[2].sent if frame != legs[2].format.silence]
    assert len(spoken) == 4 * 200 // 20
    assert (board.switchboard.active, board.switchboard.answered, board.switchboard.refused) == (2, 2, 1)


async def test_a_line_that_becomes_free_is_used(board: Board) -> None:
    first, _ = board.ring(), board.ring()
    assert first.events is not None
    first.events.on_closed(EndReason.CALLER_HUNG_UP, "")
    await board.run(40)
    third = board.ring()
    await board.run(100)
    assert third.closed == []
    assert len([event for event in board.events if isinstance(event, CallStarted)]) == 3


async def test_draining_waits_then_ends_what_is_left(board: Board) -> None:
    leg = board.ring()
    drain = asyncio.create_task(board.switchboard.drain(0.05))
    await board.run(40)
    late = board.ring()
    await drain
    assert leg.closed == [EndReason.SHUTDOWN]
    assert late.closed == [EndReason.BUSY]


async def test_a_recording_that_cannot_be_written_is_told_and_the_call_goes_on(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("a file where a folder should be")
    board = Board(tmp_path)
    leg = board.ring()
    await board.run(1_200)
    await asyncio.to_thread(lambda: board.files.submit(int).result())
    await board.run(40)
    [trouble] = [event for event in board.events if isinstance(event, CallTrouble)]
    assert trouble.what == "recording"
    assert leg.closed == []
    await board.switchboard.hang_up_all()
    assert [event.reason for event in board.events if isinstance(event, CallEnded)] == [EndReason.SHUTDOWN]
    board.files.shutdown()


async def test_a_call_for_an_agent_that_does_not_exist_goes_where_the_routes_say(board: Board) -> None:
    board.ring(CallOrigin(agent="nobody"))
    assert [call.facts.agent for call in board.handles] == ["reception"]
    assert board.handles[0].facts.instructions == "You know {name}."


async def test_a_refused_call_for_an_agent_of_its_own_hears_the_busy_line(board: Board) -> None:
    legs = [board.ring(CallOrigin(agent="debts")) for _ in range(3)]
    await board.run(2_000)
    assert [leg.closed for leg in legs] == [[], [], [EndReason.BUSY]]


async def test_a_carrier_may_say_apart_from_the_leg_that_a_call_is_over(board: Board) -> None:
    first, second = board.ring(), board.ring()
    second.carrier_call_id = "carrier-2"
    assert not board.switchboard.draining
    board.switchboard.hung_up("paper", "carrier-2", EndReason.CALLER_HUNG_UP, "NORMAL_CLEARING")
    board.switchboard.hung_up("other", "carrier-1", EndReason.CALLER_HUNG_UP, "another carrier")
    nameless = board.ring()
    nameless.carrier_call_id = ""
    board.switchboard.hung_up("paper", "", EndReason.CALLER_HUNG_UP, "no id")
    await board.run(40)
    assert nameless.closed == []
    assert (first.closed, second.closed) == ([], [EndReason.CALLER_HUNG_UP])
    assert [event.detail for event in board.events if isinstance(event, CallEnded)] == ["NORMAL_CLEARING"]


async def test_the_number_that_was_called_decides_who_answers(tmp_path: Path) -> None:
    board = Board(tmp_path)
    routes = (RouteSettings(agent="debts", to="+1 555 0100"), RouteSettings(agent="reception"))
    board.settings.__dict__["routes"] = routes
    board.ring(CallOrigin(to_number="+15550100")), board.ring(CallOrigin(to_number="+15550199"))
    assert [call.facts.agent for call in board.handles] == ["debts", "reception"]
    await board.switchboard.hang_up_all()
    board.files.shutdown()


ANN = CallOrigin(from_number="+15550100", to_number="+15550199")


async def test_an_agent_that_is_busy_is_stood_in_for_and_then_nobody_answers(tmp_path: Path) -> None:
    agents = {"reception": {"max_calls": 1, "busy_agent": "debts"}, "debts": {"max_calls": 1, "busy_line": "Sorry."}}
    async with opened(tmp_path, agents=agents, limits={"max_calls": 9, "busy_line": "All lines are busy."}) as board:
        assert not board.switchboard.busy("reception")
        legs = [board.ring() for _ in range(3)]
        await board.run(2_000)
        assert [call.facts.agent for call in board.handles] == ["reception", "debts"]
        assert [leg.closed for leg in legs] == [[], [], [EndReason.BUSY]]
        assert board.switchboard.busy("reception")
        assert not board.switchboard.busy("nobody")
        assert not board.switchboard.full
        direct = board.ring(CallOrigin(agent="debts"))
        await board.run(2_000)
        assert direct.closed == [EndReason.BUSY]
        assert len([frame for frame in direct.sent if frame != direct.format.silence]) == 200 // 20


async def test_a_caller_who_calls_too_often_hears_so(tmp_path: Path) -> None:
    limits = {"max_calls": 9, "calls_per_caller": 2, "caller_line": "You call too often."}
    async with opened(tmp_path, limits=limits) as board:
        legs = []
        for number in ("1", "2", "3"):
            leg = PaperLeg()
            leg.origin, leg.carrier_call_id = CallOrigin(from_number="+15550177"), f"carrier-{number}"
            board.switchboard.answer(leg)
            legs.append(leg)
        await board.run(2_000)
        assert [leg.closed for leg in legs] == [[], [], [EndReason.CALLER_LIMIT]]
        assert len([frame for frame in legs[2].sent if frame != legs[2].format.silence]) == 4 * 200 // 20
        assert not board.switchboard.rejects(CallOrigin(from_number="+15550177"), "carrier-4")


async def test_a_caller_who_would_hear_nothing_is_not_even_answered(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"max_calls": 9, "calls_per_caller": 1, "caller_line": ""}) as board:
        assert not board.switchboard.rejects(ANN, "carrier-1")
        board.ring(ANN)
        assert board.switchboard.rejects(ANN, "carrier-2")
        assert not board.switchboard.rejects(ANN, "carrier-1")
        again = PaperLeg()
        again.origin, again.carrier_call_id = ANN, "carrier-2"
        board.switchboard.answer(again)
        await board.run(40)
        assert (again.closed, again.sent) == ([EndReason.CALLER_LIMIT], [])


TONE = {
    "tone": {
        "agent": "reception",
        "variants": {"control": {}, "calm": {"instructions": "Be calm with {name}.", "silence": {"max_duration_s": 5}}},
    }
}


async def test_a_variant_answers_as_an_agent_of_its_own_and_is_on_record(tmp_path: Path) -> None:
    async with opened(tmp_path, experiments=TONE, limits={"max_calls": 99}) as board:
        for number in [*range(20), *range(20)]:
            board.ring(CallOrigin(from_number=f"+155501{number:02}", variables={"name": "Ann"}))
        facts = [call.facts for call in board.handles]
        variants = [each.variant for each in facts]
        assert set(variants) == {"control", "calm"}
        assert variants[:20] == variants[20:]
        assert {(each.agent, each.experiment) for each in facts} == {("reception", "tone")}
        assert {(each.variant, each.instructions) for each in facts} == {
            ("control", "You know Ann."),
            ("calm", "Be calm with Ann."),
        }
        started = [event for event in board.events if isinstance(event, CallStarted)]
        assert [(event.agent, event.experiment, event.variant) for event in started] == [
            (each.agent, each.experiment, each.variant) for each in facts
        ]
        await board.run(5_040)
        assert board.switchboard.active == variants.count("control")
        await asyncio.to_thread(lambda: board.files.submit(int).result())
        records = [orjson.loads(path.read_bytes()) for path in (tmp_path / "calls").glob("*.json")]
        assert sorted(record["variant"] for record in records) == sorted(variants)
        assert {(record["agent"], record["experiment"]) for record in records} == {("reception", "tone")}


async def test_the_variant_of_a_call_that_is_announced_gets_ready(tmp_path: Path) -> None:
    expected: list[str] = []
    async with opened(tmp_path, experiments=TONE) as board:
        switchboard = Switchboard(
            replace(board.switchboard._desk, expect=lambda agent, announced: expected.append(agent))
        )
        switchboard.expect("vobiz", ANN)
        leg = PaperLeg()
        leg.origin = ANN
        switchboard.answer(leg)
        assert expected[0] == expected[1]
        assert expected[0].startswith("reception/")
        await switchboard.hang_up_all()


async def test_no_session_is_opened_for_who_is_asked_to_take_a_call_over(tmp_path: Path) -> None:
    bare: list[bool] = []
    async with opened(tmp_path) as board:
        desk = replace(board.switchboard._desk, expect=lambda agent, announced: bare.append(announced is None))
        switchboard = Switchboard(desk)
        switchboard.expect("vobiz", ANN)
        switchboard.expect("vobiz", replace(ANN, direction="outbound", consults_for="call-1"))
        assert bare == [False, True]


async def test_who_is_turned_away_has_no_variant(tmp_path: Path) -> None:
    async with opened(tmp_path, experiments=TONE, limits={"max_calls": 1}) as board:
        board.ring(ANN), board.ring(ANN)
        await board.run(100)
        _, refused = [event for event in board.events if isinstance(event, CallStarted)]
        assert (refused.agent, refused.experiment, refused.variant) == ("reception", "", "")


async def test_a_day_that_cost_enough_takes_no_more_calls_and_lets_those_go_on_that_are_there(board: Board) -> None:
    before = board.ring()
    board.spent_up = True
    late = board.ring()
    await board.run(4_000)
    assert (before.closed, late.closed) == ([], [EndReason.BUSY])
    assert (board.switchboard.active, board.switchboard.refused) == (1, 1)
    line = board.settings.costs.stop_day_line
    assert len([frame for frame in late.sent if frame != late.format.silence]) == len(line.split()) * 200 // 20
    board.spent_up = False
    assert board.ring().closed == []


async def test_whom_we_called_is_talked_to_whatever_the_day_has_cost(tmp_path: Path) -> None:
    settings = Settings.model_validate({"keys": {"from_number": "+15550199"}})
    dialler = Dialler(settings, {"vobiz": PaperApi()}, lambda: "https://x.example")
    board = Board(tmp_path, dialler=dialler)
    placed = await dialler.dial("+15550100")
    board.spent_up = True
    leg = board.ring(dialler.origin(placed.id))
    await board.run(100)
    assert (leg.closed, board.switchboard.active) == ([], 1)
    await board.switchboard.hang_up_all()
    board.files.shutdown()


async def test_the_route_or_the_carrier_chooses_the_language(tmp_path: Path) -> None:
    agents = {
        "reception": {"instructions": "You know {name}.", "languages": {"es": {"instructions": "Hable con {name}."}}}
    }
    routes = [{"agent": "reception", "to": "+15550100", "language": "es"}, {"agent": "reception"}]
    async with opened(tmp_path, agents=agents, routes=routes, limits={"max_calls": 9}) as board:
        board.ring(CallOrigin(to_number="+15550100", variables={"name": "Ann"}))
        board.ring(CallOrigin(to_number="+15550101", variables={"name": "Bob"}))
        board.ring(CallOrigin(to_number="+15550101", variables={"name": "Cat", "language": "es_MX"}))
        assert [call.facts.instructions for call in board.handles] == [
            "Hable con Ann.",
            "You know Bob.",
            "Hable con Cat.",
        ]
        assert {call.facts.agent for call in board.handles} == {"reception"}
