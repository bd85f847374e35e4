from dataclasses import replace

import pytest

from offhook.calls.tools.runner import ToolRunner
from offhook.calls.tools.send_dtmf import SendDtmf
from offhook.errors import CarrierError, ToolError
from offhook.providers.llm.base import ToolCall
from tests.calls.tools.conftest import Calls
from tests.calls.tools.paper_hand import PaperHand


async def test_keys_are_pressed(calls: Calls) -> None:
    hand = PaperHand()
    done = await SendDtmf()({"digits": "1w2#"}, replace(calls.context(), hand=hand))
    assert (done, hand.done) == ({"status": "pressed", "digits": "1w2#"}, [("press", "1w2#")])


@pytest.mark.parametrize("digits", ["", "12345" * 8, "1 2", "call 5", "x"])
async def test_what_are_no_keys_is_refused(calls: Calls, digits: str) -> None:
    hand = PaperHand()
    runner = ToolRunner([SendDtmf()], replace(calls.context(), hand=hand))
    ran = await runner.run(ToolCall("1", "send_dtmf", {"digits": digits}))
    assert ran.error.startswith("digits: ")
    assert hand.done == []


async def test_what_the_carrier_refuses_is_told_in_a_line(calls: Calls) -> None:
    hand = PaperHand(fails=CarrierError("refused (500)", carrier="vobiz", hint="Try later."))
    with pytest.raises(ToolError) as caught:
        await SendDtmf()({"digits": "1"}, replace(calls.context(), hand=hand))
    assert str(caught.value) == "the keys could not be pressed: vobiz: refused (500)"


async def test_it_needs_a_call(calls: Calls) -> None:
    assert not SendDtmf().offered(calls.context())
    with pytest.raises(ToolError, match="no call"):
        await SendDtmf()({"digits": "1"}, calls.context())
