"""Connects the person in a call with somebody else, as `Dial` and `Conference` ask."""

from collections.abc import Callable

from offhook.simulator.clouds.media_stream.call import CloudCall, Transferred
from offhook.simulator.clouds.media_stream.callees import Callee
from offhook.simulator.clouds.media_stream.endings import CALLEE_NORMAL, RING_TIMEOUT, Ending
from offhook.simulator.clouds.media_stream.orders import Goto, Hook
from offhook.simulator.clouds.media_stream.parameters import Bridged
from offhook.simulator.clouds.media_stream.verbs import Conference, Dial

__all__ = ["bridge", "confer"]


async def bridge(call: CloudCall, dial: Dial, phonebook: Callable[[str], Callee]) -> Goto | None:
    """Ring, talk until somebody hangs up, and go on with the action's document if there is one."""
    bridged = await _ring(call, dial, phonebook)
    if not dial.action:
        return None
    params = call.parameters.dialled(bridged)
    if dial.redirect:
        return Goto(Hook(dial.action, dial.method), "action", "Redirect", params)
    call.courier.tell(dial.action, dial.method, params, "Redirect")
    return None


async def _ring(call: CloudCall, dial: Dial, phonebook: Callable[[str], Callee]) -> Bridged:
    """All of the numbers ring at once; the first that answers has the call."""
    callees = sorted(((phonebook(number), number) for number in dial.numbers), key=lambda pair: _answers_at(pair[0]))
    callee, number = callees[0]
    leg = call.dialect.new_call_id()
    await call.clock.sleep(min(callee.ring_s, dial.timeout_s))
    refusal = RING_TIMEOUT if callee.ring_s > dial.timeout_s else callee.refusal
    ending = refusal or CALLEE_NORMAL
    caller_id = dial.caller_id or call.facts.from_
    call.log.transfers.append(Transferred(call.now_ms, number, caller_id, _status(refusal)))
    if refusal is not None:
        return Bridged(ending.status, ending.cause, leg, number)
    _tell(call, dial, "answer", leg, number)
    call.phone.ear.prompts.put(callee.speech)
    talked_s = min(dial.time_limit_s, callee.stays_s if callee.stays_s is not None else dial.time_limit_s)
    await call.clock.sleep(talked_s)
    _tell(call, dial, "hangup", leg, number)
    return Bridged("completed", ending.cause, leg, number, round(talked_s))


async def confer(call: CloudCall, conference: Conference) -> None:
    """Talk to whoever is in the room until it is over, or the call goes elsewhere."""
    room = call.sender.conferences.room(conference.name)
    call.log.conferences.append(conference.name)
    room.enter(call.phone)
    try:
        await room.over.wait()
    finally:
        room.leave(call.phone, ends=conference.ends)


def _answers_at(callee: Callee) -> tuple[bool, float]:
    return callee.refusal is not None, callee.ring_s


def _status(refusal: Ending | None) -> str:
    return "answered" if refusal is None else refusal.status


def _tell(call: CloudCall, dial: Dial, action: str, leg: str, number: str) -> None:
    """Vobiz and Plivo report on the second leg; Twilio would do so from attributes of Number, which are not read."""
    if call.dialect.twilio:
        return
    event = {"answer": "DialAnswer", "hangup": "DialHangup"}[action]
    params = call.parameters.status(event) | {
        "DialAction": action,
        "DialBLegUUID": leg,
        "DialBLegStatus": action,
        "DialBLegFrom": dial.caller_id or call.facts.from_,
        "DialBLegTo": call.dialect.number(number),
    }
    if action == "hangup":
        ending = CALLEE_NORMAL
        params |= {"DialBLegHangupCause": ending.cause, "DialBLegHangupCauseCode": str(ending.code)}
        params |= {"DialBLegHangupCauseName": ending.name, "DialBLegHangupSource": ending.source}
    call.courier.tell(dial.callback_url, dial.callback_method, params, event)
