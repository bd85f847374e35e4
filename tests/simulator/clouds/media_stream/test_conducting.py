"""Documents that lead elsewhere: transfers to people, redirects, recordings, prompts."""

import asyncio

import pytest

from offhook.simulator.clouds.media_stream import CarrierCloud, CloudCall, RealTime, answers, busy
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, answer, listen, serving

HANGUP = "<Response><Hangup/></Response>"


async def called(agent: Agent, prepare: dict[str, object] | None = None) -> CloudCall:
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(10)) as cloud:
        cloud.callees.update(prepare or {})  # type: ignore[arg-type]
        call = cloud.phone_in(f"{agent.url}/answer", hangup_url=f"{agent.url}/hangup")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    return call


async def test_a_transfer_that_is_answered() -> None:
    dial = '<Dial action="{url}/dialled" callbackUrl="{url}/leg" callerId="+15550100">+15550199</Dial>'
    agent = Agent(None, {"/answer": f"<Response>{dial}<Speak>never</Speak></Response>", "/dialled": HANGUP})
    call = await called(agent, {"15550199": answers(0.5, stays_s=2)})
    told = agent.to("/dialled").params
    assert (told["DialStatus"], told["DialALegUUID"]) == ("completed", call.id)
    assert agent.events("/leg") == ["DialAnswer", "DialHangup"]
    assert agent.to("/leg").params["DialBLegTo"] == "15550199"
    (transfer,) = call.log.transfers
    assert (transfer.number, transfer.caller_id, transfer.status) == ("+15550199", "+15550100", "answered")
    assert call.log.spoken == []


async def test_an_action_that_is_only_told() -> None:
    dial = '<Dial action="{url}/dialled" redirect="false">15550199</Dial>'
    agent = Agent(None, {"/answer": f"<Response>{dial}<Speak>Goodbye</Speak></Response>"})
    call = await called(agent, {"15550199": busy()})
    assert agent.to("/dialled").params["DialStatus"] == "busy"
    assert call.log.spoken == ["Goodbye"]


async def test_twilio_tells_of_a_transfer_in_its_own_words() -> None:
    agent = Agent(None, {"/answer": '<Response><Dial action="{url}/dialled">+15550199</Dial></Response>'})
    async with serving(agent), CarrierCloud("twilio", clock=RealTime(10)) as cloud:
        cloud.everybody(answers(0.5, stays_s=2))
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    told = agent.to("/dialled").params
    assert (told["DialCallStatus"], told["DialCallDuration"]) == ("completed", "2")


async def test_a_stream_without_encryption_is_for_this_machine_only() -> None:
    agent = Agent(None, {"/answer": answer("vobiz").replace("{ws}", "ws://agent.example.com/ws")})
    async with (
        serving(agent),
        CarrierCloud("vobiz", clock=RealTime(10), reach={"http://agent.example.com": agent.url}) as cloud,
    ):
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    assert call.violations == ["ws://agent.example.com/ws is not encrypted"]


async def test_a_transfer_to_a_busy_line_goes_on_with_the_document() -> None:
    agent = Agent(None, {"/answer": "<Response><Dial>15550199</Dial><Speak>Nobody is there</Speak></Response>"})
    call = await called(agent, {"15550199": busy()})
    assert [each.status for each in call.log.transfers] == ["busy"]
    assert call.log.spoken == ["Nobody is there"]


async def test_the_first_of_several_to_answer_has_the_call() -> None:
    document = "<Response><Dial><Number>15550101</Number><Number>15550102</Number></Dial></Response>"
    people: dict[str, object] = {"15550101": answers(5, stays_s=1), "15550102": answers(1, stays_s=1)}
    call = await called(Agent(None, {"/answer": document}), people)
    assert [each.number for each in call.log.transfers] == ["15550102"]


async def test_nobody_answers_in_the_time_of_a_dial() -> None:
    agent = Agent(None, {"/answer": '<Response><Dial timeout="2">15550199</Dial></Response>'})
    call = await called(agent, {"15550199": answers(30)})
    assert [each.status for each in call.log.transfers] == ["timeout"]


async def test_redirects_and_prompts() -> None:
    documents: dict[str, str | int] = {
        "/answer": "<Response><Speak>Hello</Speak><Redirect>{url}/next</Redirect></Response>",
        "/next": "<Response><Play>https://a/x.mp3</Play><DTMF>5</DTMF><Gather/></Response>",
    }
    agent = Agent(None, documents)
    call = await called(agent)
    assert agent.events("/next") == ["Redirect"]
    assert (call.log.spoken, call.log.played, call.log.keys) == (["Hello"], ["https://a/x.mp3"], "5")
    assert call.phone.heard.length / 8 >= 1_300
    assert call.violations == ["the double does not perform <Gather>"]


@pytest.mark.parametrize("attributes", ['maxLength="1"', 'maxLength="1" redirect="true"'])
async def test_a_recording_and_its_action(attributes: str) -> None:
    record = f'<Record {attributes} action="{{url}}/recorded"/>'
    agent = Agent(None, {"/answer": f"<Response>{record}</Response>", "/recorded": HANGUP})
    call = await called(agent)
    told = agent.to("/recorded").params
    assert (told["Event"], told["RecordingEndReason"]) == ("Record", "maxLength")
    assert int(told["RecordingDurationMs"]) >= 1_000
    assert call.ending
    assert call.ending.code == (4000 if "redirect" in attributes else 4010)


async def test_a_recording_ends_with_a_key() -> None:
    agent = Agent(None, {"/answer": '<Response><Record finishOnKey="#" callbackUrl="{url}/recorded"/></Response>'})
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(10)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.up.wait(), PATIENCE_S)
        call.phone.press("1")
        call.phone.press("#")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    assert agent.to("/recorded").params["Digits"] == "#"
    assert agent.to("/recorded").params["RecordingEndReason"] == "FinishedOnKey"


async def test_the_whole_call_is_recorded_beside_its_stream() -> None:
    record = '<Record recordSession="true" maxLength="3600" callbackUrl="{url}/recorded"/>'
    document = answer("vobiz").replace("<Stream", record + "<Stream")
    agent = Agent(listen, {"/answer": document})
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(10)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        await call.hang_up()
    assert agent.to("/recorded").params["RecordingEndReason"] == "HungUp"


async def test_a_call_that_is_not_taken() -> None:
    agent = Agent(None, {"/answer": '<Response><Reject reason="busy"/></Response>'})
    async with serving(agent), CarrierCloud("twilio", clock=RealTime(10)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer", status_url=f"{agent.url}/status")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    assert not call.up.is_set()
    assert agent.to("/status").params["CallStatus"] == "busy"
