import pytest

from offhook.carriers.asterisk.ari_control import AriControl
from offhook.errors import CallError, CarrierError
from offhook.events import EndReason
from offhook.simulator.clouds.asterisk_ari import AriDouble
from tests.carriers.asterisk.ari_house import House, holds, taking_callers


async def control(there: House) -> AriControl:
    call, _, _ = await there.first()
    return AriControl(there.ari, there.calls, call, there.settings)


async def test_a_transfer() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        caller = await pbx.call()
        await (await control(there)).transfer("6001")
        assert caller.went == [("transfers", "6001")]
        _, _, heard = there.answered[0]
        await holds(lambda: heard.ends)
        assert heard.ends[0][0] is EndReason.CALLER_HUNG_UP
        await holds(lambda: set(pbx.channels) == {caller.id} and not pbx.bridges)


@pytest.mark.parametrize("to", ["6009", "6001,1", "_X.", "${SHELL(ls)}", "60 01 02 03 04 05 06 07 08 09"])
async def test_an_extension_that_is_not_there(to: str) -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        caller = await pbx.call()
        with pytest.raises(CallError):
            await (await control(there)).transfer(to)
        assert (caller.went, len(there.calls)) == ([], 1)


async def test_without_a_context_nothing_is_transferred() -> None:
    async with AriDouble() as pbx, taking_callers(pbx, transfer_context="") as there:
        await pbx.call()
        with pytest.raises(CarrierError) as caught:
            await (await control(there)).transfer("6001")
        assert not caught.value.offered


async def test_keys() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        caller = await pbx.call()
        hand = await control(there)
        await hand.send_dtmf("1W2#")
        assert caller.keys == "1w2#"
        with pytest.raises(CallError):
            await hand.send_dtmf("1&2")
        pbx.refuses["POST", "dtmf"] = 500
        with pytest.raises(CarrierError) as caught:
            await hand.send_dtmf("3")
        assert not caught.value.offered


async def test_a_recording() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        await pbx.call()
        hand = await control(there)
        call = there.answered[0][0]
        assert await hand.record() == await hand.record() == f"offhook-{call.id}.wav"
        assert pbx.recordings == {f"offhook-{call.id}": "wav"}
        await hand.stop_recording()
        await hand.stop_recording()
        assert pbx.recordings == {}


async def test_no_files_are_played() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        await pbx.call()
        with pytest.raises(CarrierError) as caught:
            await (await control(there)).play("https://example.com/a.wav")
        assert not caught.value.offered


async def test_nobody_of_elsewhere_is_connected() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        await pbx.call()
        hand = await control(there)
        with pytest.raises(CarrierError):
            await hand.bridge(object())  # type: ignore[arg-type]
