from dataclasses import replace

import pytest

from offhook.calls.tools.end_call import EndCall
from offhook.calls.tools.runner import ToolRunner
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolCall
from tests.calls.tools.conftest import Calls
from tests.calls.tools.paper_hand import PaperHand


async def test_it_only_says_that_the_call_is_ending(calls: Calls) -> None:
    assert await EndCall()({}, calls.context()) == {"status": "ending", "reason": "goodbye"}
    assert await EndCall()({"reason": "lost"}, calls.context()) == {"status": "ending", "reason": "lost"}


async def test_how_it_went_is_kept(calls: Calls) -> None:
    hand = PaperHand()
    said = {"disposition": "callback", "summary": "Ann will call on Monday."}
    await EndCall()(said, replace(calls.context(), hand=hand))
    assert hand.done == [("conclude", ("callback", "Ann will call on Monday."))]


@pytest.mark.parametrize("arguments", [{}, {"disposition": "fine"}])
async def test_with_a_list_one_of_it_is_needed(calls: Calls, arguments: dict[str, object]) -> None:
    hand = PaperHand()
    context = replace(calls.context(), hand=hand)
    ran = await ToolRunner([EndCall(("sale", "callback"))], context).run(ToolCall("1", "end_call", arguments))
    assert ran.error.startswith("disposition: ")
    with pytest.raises(ToolError, match="one of sale, callback"):
        await EndCall(("sale", "callback"))(arguments, context)
    assert hand.done == []
    ran = await ToolRunner([EndCall(("sale", "callback"))], context).run(
        ToolCall("1", "end_call", {"disposition": "sale"})
    )
    assert (ran.error, hand.done) == ("", [("conclude", ("sale", ""))])
