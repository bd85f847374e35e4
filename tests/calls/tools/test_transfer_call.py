from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from offhook.calls.consultation import Wish
from offhook.calls.tools.base import ToolContext
from offhook.calls.tools.runner import ToolRunner
from offhook.calls.tools.transfer_call import TransferCall
from offhook.config import TransferSettings
from offhook.errors import CallError, CarrierError, ToolError
from offhook.providers.llm.base import ToolCall
from tests.calls.tools.conftest import Calls
from tests.calls.tools.paper_hand import PaperHand

PLACES = {"sales": TransferSettings(to="+15550101"), "a person": TransferSettings(to="sip:desk@pbx.example.com")}


def transferring(calls: Calls, transfer: Callable[[str], Awaitable[None]] | None) -> ToolContext:
    return replace(calls.context(), transfer=transfer)


async def test_the_caller_is_handed_over_to_a_place_by_its_name(calls: Calls) -> None:
    to: list[str] = []

    async def transfer(number: str) -> None:
        to.append(number)

    tool = TransferCall(PLACES)
    assert await tool({"to": "a person"}, transferring(calls, transfer)) == {
        "status": "transferred",
        "to": "a person",
    }
    assert to == ["sip:desk@pbx.example.com"]
    assert tool.spec.parameters["properties"]["to"]["enum"] == ["sales", "a person"]


@pytest.mark.parametrize("arguments", [{}, {"to": "+15559999"}, {"to": "+15550101"}, {"to": None}])
async def test_a_place_that_is_not_on_the_list_is_refused(calls: Calls, arguments: dict[str, object]) -> None:
    async def transfer(number: str) -> None:
        raise AssertionError(number)

    with pytest.raises(ToolError, match="there are: sales, a person"):
        await TransferCall(PLACES)(arguments, transferring(calls, transfer))


async def test_a_refusal_of_the_carrier_goes_back_to_the_model_in_a_line(calls: Calls) -> None:
    async def transfer(number: str) -> None:
        raise CarrierError("refused (402)", carrier="vobiz", status=402, hint="Top it up.")

    with pytest.raises(ToolError) as caught:
        await TransferCall(PLACES)({"to": "sales"}, transferring(calls, transfer))
    assert str(caught.value) == "the transfer to sales did not work: vobiz: refused (402)"


async def test_it_is_offered_only_with_a_place_and_a_carrier_that_transfers(calls: Calls) -> None:
    async def transfer(number: str) -> None:
        raise AssertionError(number)

    able = transferring(calls, transfer)
    names = [
        [spec.name for spec in ToolRunner([TransferCall(places)], each).specs]
        for places, each in ((PLACES, able), (PLACES, calls.context()), ({}, able))
    ]
    assert names == [["transfer_call"], [], []]
    ran = await ToolRunner([TransferCall(PLACES)], calls.context()).run(ToolCall("1", "transfer_call", {"to": "sales"}))
    assert ran.error == "there is no tool transfer_call; there are: "


WARM = {"desk": TransferSettings(to="6001", warm=True, ring_s=40), **PLACES}


async def nowhere(number: str) -> None:
    raise AssertionError(number)


async def test_at_a_warm_place_somebody_is_asked_first(calls: Calls) -> None:
    hand, tool = PaperHand(), TransferCall(WARM)
    context = replace(transferring(calls, nowhere), hand=hand)
    done = await tool({"to": "desk", "summary": "Ann calls."}, context)
    assert (done, hand.done) == (
        {"status": "transferred", "to": "desk"},
        [("consult", Wish("6001", "desk", "Ann calls.", 40))],
    )
    assert tool.rules.timeout_s == 190
    assert "summary" in tool.spec.parameters["properties"]
    assert "summary" not in TransferCall(PLACES).spec.parameters["properties"]


async def test_what_came_of_it_is_told_to_the_model(calls: Calls) -> None:
    hand = PaperHand(fails=CallError("nobody answered"))
    with pytest.raises(ToolError, match="the transfer to desk did not work: nobody answered"):
        await TransferCall(WARM)({"to": "desk"}, replace(transferring(calls, nowhere), hand=hand))


@pytest.mark.parametrize("hand", [None, PaperHand(consults=False)])
async def test_where_nobody_can_be_asked_the_caller_is_handed_over(calls: Calls, hand: PaperHand | None) -> None:
    to: list[str] = []

    async def transfer(number: str) -> None:
        to.append(number)

    await TransferCall(WARM)({"to": "desk"}, replace(transferring(calls, transfer), hand=hand))
    assert to == ["6001"]
