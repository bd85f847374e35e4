from offhook.calls.leg import CallOrigin
from offhook.events import CallStarted, EndReason
from tests.server.board import Board


async def test_a_caller_is_known_by_the_number_that_called(board: Board) -> None:
    board.ring(CallOrigin(from_number="+14155550100", to_number="+14155550199"))
    [call] = board.handles
    assert (call.facts.direction, call.facts.agent) == ("inbound", "reception")
    assert (call.facts.caller_number, call.facts.called_number) == ("+14155550100", "+14155550199")
    assert call.tool_context.caller_number == "+14155550100"
    [started] = [event for event in board.events if isinstance(event, CallStarted)]
    assert (started.direction, started.from_number, started.to_number) == ("inbound", "+14155550100", "+14155550199")


async def test_somebody_who_was_called_is_known_by_the_number_that_was_called(board: Board) -> None:
    variables = {"name": "Ada", "sum": "{more}"}
    board.ring(CallOrigin("outbound", "+14155550199", "+14155550100", agent="debts", variables=variables))
    [call] = board.handles
    assert (call.facts.direction, call.facts.agent) == ("outbound", "debts")
    assert (call.facts.caller_number, call.facts.called_number) == ("+14155550100", "+14155550100")
    assert call.tool_context.caller_number == "+14155550100"
    assert call.facts.variables == variables
    assert (call.tool_context.variables, call.tool_context.called_number) == (variables, "+14155550100")
    assert call.facts.instructions == "Ask Ada for {more}, not {more}."


async def test_an_engine_that_cannot_be_made_ends_that_call_only(board: Board) -> None:
    good = board.ring()
    board.fails = True
    bad = board.ring()
    await board.run(40)
    assert (good.closed, bad.closed) == ([], [EndReason.ERROR])
    assert board.switchboard.active == 1
