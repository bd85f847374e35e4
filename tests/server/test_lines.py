import asyncio

from offhook.calls.leg import CallOrigin
from offhook.events import EndReason
from offhook.server.lines import Lines
from tests.calls.rig import PaperLeg
from tests.server.board import Board


class AudioSocketPaper(PaperLeg):
    """A leg whose carrier's id is the id of the call."""

    carrier = "audiosocket"


async def test_an_id_used_again_while_the_first_call_closes_harms_neither(board: Board) -> None:
    first, second = AudioSocketPaper(), AudioSocketPaper()
    board.switchboard.answer(first)
    await board.run(1_200)
    assert first.events is not None
    first.events.on_closed(EndReason.CALLER_HUNG_UP, "")
    await asyncio.sleep(0.002)
    board.switchboard.answer(second)
    await board.run(1_200)
    assert board.switchboard.active == 1
    await board.switchboard.hang_up_all()
    await asyncio.to_thread(lambda: board.files.submit(int).result())
    recordings = board.settings.server.data_dir / "recordings"
    assert len(list(recordings.glob("*-carrier-1.wav"))) == 2


async def test_a_call_is_found_by_our_id_and_by_the_carriers(board: Board) -> None:
    leg = board.ring()
    (call,) = board.switchboard.calls
    lines = Lines()
    lines.take(call)
    assert lines.find(call.facts.call_id) is lines.find(leg.carrier_call_id) is call
    assert lines.find("carrier-9") is None
    assert list(lines.of("paper", leg.carrier_call_id)) == [call]
    assert list(lines.of("vobiz", leg.carrier_call_id)) == []


async def test_who_is_turned_away_counts_for_no_agent_and_is_known_to_the_carrier(board: Board) -> None:
    leg = board.ring()
    (call,) = board.switchboard.calls
    lines = Lines()
    lines.turn_away(call)
    assert (lines.active, lines.turned_away, dict(lines.taken), lines.find(call.facts.call_id)) == (0, 1, {}, None)
    assert list(lines.of("paper", leg.carrier_call_id)) == [call]
    lines.free(call)
    assert lines.turned_away == 0


async def test_callers_are_counted_and_not_who_is_asked_to_take_one_over(board: Board) -> None:
    board.ring()
    (call,) = board.switchboard.calls
    lines = Lines()
    lines.take(call)
    assert (lines.per_agent, lines.active) == ({"reception": 1}, 1)
    call.leg.origin = CallOrigin("outbound", consults_for="another call")
    assert (lines.per_agent, lines.active, list(lines.taken)) == ({}, 0, [call.facts.call_id])


async def test_every_call_is_over_when_the_lines_are_empty(board: Board) -> None:
    board.ring(), board.ring()
    lines = Lines()
    for call in board.switchboard.calls:
        lines.take(call)
    waits = asyncio.ensure_future(lines.empty())
    await board.run(40)
    assert not waits.done()
    legs = [call.leg for call in board.switchboard.calls]
    await lines.hang_up()
    await waits
    assert [getattr(leg, "closed", None) for leg in legs] == [[EndReason.SHUTDOWN]] * 2
