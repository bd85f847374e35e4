import pytest

from offhook.carriers.asterisk.ari_call import AriCall, bridge_id, id_in, media_id, origin_of, surely
from offhook.carriers.asterisk.ari_wire import AriChannel
from offhook.errors import CarrierError
from offhook.simulator.clouds.asterisk_ari import AriDouble
from tests.carriers.asterisk.ari_house import listening


def test_names() -> None:
    assert (id_in(media_id("6f0e")), id_in(bridge_id("6f0e")), id_in("1795.1")) == ("6f0e", "", "")


@pytest.mark.parametrize(
    ("arguments", "agent", "variables"),
    [
        ((), "", {}),
        (("sales",), "sales", {}),
        (("agent=sales", "mood=a=b"), "sales", {"mood": "a=b"}),
        (("", "x="), "", {"x": ""}),
    ],
)
def test_what_the_dialplan_gives_to_stasis(arguments: tuple[str, ...], agent: str, variables: dict[str, str]) -> None:
    origin = origin_of(AriChannel("1.2", ""), arguments, {})
    assert (origin.agent, origin.variables) == (agent, {"uniqueid": "1.2", **variables})


@pytest.mark.parametrize(
    ("extension", "number"), [("600", "600"), ("+15550100", "+15550100"), ("sales", ""), ("s", "")]
)
def test_what_was_dialled(extension: str, number: str) -> None:
    assert origin_of(AriChannel("1.2", "", extension=extension), (), {}).to_number == number


async def test_values_of_variables() -> None:
    async with AriDouble() as pbx, listening(pbx) as ari:
        channel = pbx.channel("PJSIP/desk", "from-trunk", "600")
        channel.variables["DID"] = "555"
        call = AriCall(ari, "6f0e", AriChannel(channel.id, ""))
        values = [await call.value(name) for name in ("DID", "NO", "NOT_THERE(x)", "DIALPLAN_EXISTS(transfers,6001,1)")]
        assert values == ["555", "", "", "1"]
        pbx.refuses["GET", "variable"] = 403
        with pytest.raises(CarrierError):
            await call.value("DID")


async def test_what_is_gone_need_not_be_taken_down() -> None:
    async with AriDouble() as pbx, listening(pbx) as ari:
        call = AriCall(ari, "6f0e", AriChannel("1.2", ""))
        await call.drop_media()
        await call.drop_bridge()
        await call.go_on("continue")
        await call.go_on("hangup")


async def test_what_cannot_be_tidied_up_is_no_fault() -> None:
    async with AriDouble(refuses={("DELETE", "offhook-6f0e"): 500}) as pbx, listening(pbx) as ari:
        await surely(AriCall(ari, "6f0e", AriChannel("1.2", "")).drop_bridge())
        assert pbx.requests[-1][0] == "DELETE"
