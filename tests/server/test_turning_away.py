from pathlib import Path

from offhook.calls.leg import CallOrigin
from offhook.events import CallStarted, EndReason
from tests.server.board import Board, opened


async def test_many_refused_callers_at_once_are_not_all_spoken_to(board: Board) -> None:
    legs = [board.ring() for _ in range(30)]
    await board.run(40)
    assert [leg.closed for leg in legs[22:]] == [[EndReason.BUSY]] * 8


async def test_without_a_voice_the_refused_are_hung_up(tmp_path: Path) -> None:
    board = Board(tmp_path, speaks=False)
    legs = [board.ring() for _ in range(3)]
    await board.run(40)
    assert legs[2].closed == [EndReason.BUSY]
    await board.switchboard.hang_up_all()
    board.files.shutdown()


async def test_nothing_is_said_where_there_is_no_line_to_say(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"max_calls": 1, "busy_line": ""}) as board:
        _, refused = board.ring(), board.ring()
        await board.run(40)
        assert (refused.closed, refused.sent) == ([EndReason.BUSY], [])
        assert len([event for event in board.events if isinstance(event, CallStarted)]) == 1


async def test_whoever_answers_when_nobody_is_to_be_asked_any_more_is_hung_up(board: Board) -> None:
    leg = board.ring(CallOrigin("outbound", consults_for="a call that is over"))
    await board.switchboard.hang_up_all()
    assert (leg.closed, leg.sent, board.switchboard.refused) == ([EndReason.AGENT_HUNG_UP], [], 0)
