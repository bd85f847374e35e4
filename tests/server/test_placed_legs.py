import pytest

from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.leg import CallOrigin
from offhook.carriers.outbound import Dialler
from offhook.config import AgentSettings, Settings
from offhook.server.placed_legs import PlacedLegs
from tests.calls.rig import PaperLeg
from tests.carriers.media_stream.paper_api import PaperApi


@pytest.fixture
def dialler() -> Dialler:
    settings = Settings.model_validate({"keys": {"from_number": "+15550199"}})
    return Dialler(settings, {"vobiz": PaperApi()}, lambda: "https://x.example")


def leg_of(dial_id: str) -> PaperLeg:
    leg = PaperLeg()
    leg.origin = CallOrigin("outbound", dial_id=dial_id)
    return leg


def engine(call: CallHandle) -> Engine:
    raise AssertionError(call)


def test_without_a_dialler_no_call_is_ours() -> None:
    legs = PlacedLegs(None, listens=True)
    leg = leg_of("d-1")
    legs.answered(leg)
    assert (legs.ringing, legs.find(leg), legs.engine(leg, engine, AgentSettings())) == ([], None, engine)


async def test_a_call_rings_until_it_is_answered(dialler: Dialler) -> None:
    legs, placed = PlacedLegs(dialler, listens=True), await dialler.dial("+15550100")
    assert legs.ringing == [placed]
    leg = leg_of(placed.id)
    assert legs.find(leg) is placed
    legs.answered(leg)
    assert (legs.ringing, placed.state, placed.carrier_call_id) == ([], "answered", leg.carrier_call_id)


async def test_who_is_asked_to_take_a_call_over_is_no_caller_that_rings(dialler: Dialler) -> None:
    await dialler.dial("+15550100", consults_for="another call")
    assert PlacedLegs(dialler, listens=True).ringing == []


async def test_a_placed_call_that_is_over_is_nobodys(dialler: Dialler) -> None:
    legs, placed = PlacedLegs(dialler, listens=True), await dialler.dial("+15550100")
    dialler.progress(placed.id, "ended")
    assert legs.find(leg_of(placed.id)) is None


@pytest.mark.parametrize(
    ("judge", "listens", "screens"), [("own", True, True), ("own", False, False), ("off", True, False)]
)
async def test_who_answers_is_found_out_where_it_is_wanted_and_can_be(
    dialler: Dialler, judge: str, listens: bool, screens: bool
) -> None:
    placed = await dialler.dial("+15550100", machine_detection="own" if judge == "own" else "off")
    made = PlacedLegs(dialler, listens=listens).engine(leg_of(placed.id), engine, AgentSettings())
    assert (made is not engine) == screens


async def test_the_engine_of_a_call_that_came_to_us_is_left_alone(dialler: Dialler) -> None:
    assert PlacedLegs(dialler, listens=True).engine(PaperLeg(), engine, AgentSettings()) is engine
