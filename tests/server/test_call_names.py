from pathlib import Path
from uuid import UUID

import pytest

from offhook.calls.leg import CallOrigin
from offhook.carriers.outbound import Dialler
from offhook.carriers.placed import PlacedCall
from offhook.config import Settings
from offhook.events import EndReason
from offhook.server.call_names import announcement, new_call_id, person
from tests.calls.rig import PaperLeg
from tests.carriers.media_stream.paper_api import PaperApi
from tests.server.board import Board

OURS = "5fd8e2c4-6f3b-4bb1-9a51-0d1f6c1f7a10"
PLACED = PlacedCall("placed-1", to="+15550100", from_number="+15550199", agent="debts", carrier="vobiz")


def leg_of(carrier: str, call_id: str) -> PaperLeg:
    leg = PaperLeg()
    leg.carrier, leg.carrier_call_id = carrier, call_id
    return leg


@pytest.mark.parametrize(
    ("origin", "number"),
    [
        (CallOrigin("inbound", "+15550101", "+15550102"), "+15550101"),
        (CallOrigin("outbound", "+15550101", "+15550102"), "+15550102"),
    ],
)
def test_the_agent_talks_to_who_called_or_was_called(origin: CallOrigin, number: str) -> None:
    assert person(origin) == number


@pytest.mark.parametrize(
    ("origin", "call_id", "name"),
    [
        (CallOrigin(dial_id="d-1"), "c-1", "dial:d-1"),
        (CallOrigin(), "c-1", "twilio:c-1"),
        (CallOrigin(), "", ""),
    ],
)
def test_a_call_is_announced_by_our_name_or_by_the_carriers(origin: CallOrigin, call_id: str, name: str) -> None:
    assert announcement("twilio", origin, call_id) == name


def test_an_id_of_asterisk_is_kept_if_it_is_one_of_its_own() -> None:
    assert new_call_id(leg_of("audiosocket", OURS), None, [OURS]) == OURS
    assert new_call_id(leg_of("asterisk", OURS), PLACED, []) == OURS
    assert new_call_id(leg_of("asterisk", OURS), PLACED, [OURS]) == "placed-1"
    assert new_call_id(leg_of("asterisk", "1700000000.12"), PLACED, []) == "placed-1"


def test_a_call_that_we_placed_is_known_by_the_id_that_it_was_placed_with() -> None:
    assert new_call_id(leg_of("vobiz", OURS), PLACED, []) == "placed-1"


def test_any_other_call_gets_an_id_of_its_own() -> None:
    ids = {new_call_id(leg_of("vobiz", OURS), None, []), new_call_id(leg_of("vobiz", OURS), PLACED, ["placed-1"])}
    assert len(ids) == 2
    assert not ids & {OURS, "placed-1"}
    assert {str(UUID(each)) for each in ids} == ids


async def test_who_comes_back_from_a_transfer_begins_a_conversation_with_an_id_of_its_own(tmp_path: Path) -> None:
    settings = Settings.model_validate({"keys": {"from_number": "+15550199"}})
    dialler = Dialler(settings, {"vobiz": PaperApi()}, lambda: "https://x.example")
    board = Board(tmp_path, dialler=dialler)
    placed = await dialler.dial("+15550100")
    origin = dialler.origin(placed.id)
    first = board.ring(origin)
    assert first.events is not None
    first.events.on_closed(EndReason.CALLER_HUNG_UP, "")
    await board.run(40)
    assert placed.over
    board.ring(origin)
    ids = [call.facts.call_id for call in board.handles]
    assert ids[0] == placed.id != ids[1]
    await board.switchboard.hang_up_all()
    board.files.shutdown()
