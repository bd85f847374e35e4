"""How a call goes: ringing, finding out who answered, and document after document until one ends it."""

import asyncio
from collections.abc import Mapping

from offhook.simulator.clouds.media_stream.call import CloudCall
from offhook.simulator.clouds.media_stream.callees import Callee
from offhook.simulator.clouds.media_stream.documents import Document, DocumentError, read_document
from offhook.simulator.clouds.media_stream.endings import (
    ANSWER_URL,
    CALLEE_NORMAL,
    INVALID_XML,
    MACHINE,
    RING_TIMEOUT,
    Ending,
)
from offhook.simulator.clouds.media_stream.orders import Detection, Goto, Hook, Placing
from offhook.simulator.clouds.media_stream.performing import Performer, Phonebook

__all__ = ["receive", "ring_and_talk"]

DROPPED_AFTER_S = 1.0


async def receive(call: CloudCall, phonebook: Phonebook) -> Ending:
    """An inbound call: the first document says whether it is answered at all."""
    call.report_ring()
    return await _talk(call, Goto(call.hooks.answer, "answer", "StartApp"), phonebook)


async def ring_and_talk(call: CloudCall, placing: Placing, callee: Callee, phonebook: Phonebook) -> Ending:
    """An outbound call."""
    call.report("initiated")
    call.facts.status = "ringing"
    call.report_ring()
    refused = await call.unless_ordered(_ring(call, callee, placing.ring_timeout_s))
    if isinstance(refused, Ending):
        return refused
    call.answer()
    call.phone.say(callee.speech)
    call.help(call.limit(placing.time_limit_s))
    if callee.stays_s is not None:
        call.help(_leave_after(call, callee.stays_s))
    call.log.keys += placing.send_digits
    found = await call.unless_ordered(_find_out(call, placing.detection, callee))
    if isinstance(found, Ending):
        return found
    extra = found if isinstance(found, dict) else {}
    first = found if isinstance(found, Goto) else Goto(call.hooks.answer, "answer", "StartApp", extra, placing.document)
    return await _talk(call, first, phonebook)


async def _ring(call: CloudCall, callee: Callee, patience_s: float) -> Ending | None:
    await call.clock.sleep(min(callee.ring_s, patience_s))
    return RING_TIMEOUT if callee.ring_s > patience_s else callee.refusal


async def _leave_after(call: CloudCall, seconds: float) -> None:
    await call.clock.sleep(seconds)
    call.order(CALLEE_NORMAL)


async def _find_out(call: CloudCall, detection: Detection | None, callee: Callee) -> dict[str, str] | Ending:
    """Whether a machine answered: what the answer request says about it, or the end of the call."""
    if detection is None:
        return {}
    if detection.reported:
        call.help(_report_finding(call, detection, callee))
        return {}
    await call.clock.sleep(_found_after_s(detection, callee))
    if callee.machine and detection.hangs_up:
        _tell_finding(call, detection, callee)
        return MACHINE
    return _finding(call, detection, callee)


def _found_after_s(detection: Detection, callee: Callee) -> float:
    return min(detection.limit_s, callee.beep_s if detection.beep and callee.machine else callee.detected_s)


async def _report_finding(call: CloudCall, detection: Detection, callee: Callee) -> None:
    await call.clock.sleep(_found_after_s(detection, callee))
    _tell_finding(call, detection, callee)


def _tell_finding(call: CloudCall, detection: Detection, callee: Callee) -> None:
    hook = call.hooks.machine
    params = call.parameters.document("MachineDetection", _finding(call, detection, callee))
    if call.dialect.twilio:
        params |= {"MachineDetectionDuration": str(round(_found_after_s(detection, callee) * 1000))}
    else:
        params |= {"IfMachine": "hangup" if detection.hangs_up else "continue"}
    call.courier.tell(hook.url, hook.method, params, "MachineDetection")


def _finding(call: CloudCall, detection: Detection, callee: Callee) -> dict[str, str]:
    if not call.dialect.twilio:
        return {"Machine": "true" if callee.machine else "false"}
    machine = "machine_end_beep" if detection.beep else "machine_start"
    return {"AnsweredBy": machine if callee.machine else "human"}


async def _talk(call: CloudCall, first: Goto, phonebook: Phonebook) -> Ending:
    step: Goto | Ending = first
    while isinstance(step, Goto):
        step = await call.unless_ordered(_perform(call, step, phonebook))
    return step


async def _perform(call: CloudCall, goto: Goto, phonebook: Phonebook) -> Goto | Ending:
    """Fetch a document and do what it says."""
    document = await _document(call, goto)
    if isinstance(document, Ending):
        if document.code >= INVALID_XML.code:
            # An invalid document is no refusal: the caller is connected, to nothing.
            call.answer()
            await call.clock.sleep(DROPPED_AFTER_S)
        return document
    return await Performer(call, phonebook).perform(document)


async def _document(call: CloudCall, goto: Goto) -> Document | Ending:
    found = await _fetched(call, goto, goto.hook, goto.extra)
    fallback = call.hooks.fallback
    if isinstance(found, Ending) and fallback.url and goto.fetched == "answer":
        error = {"ErrorCode": "11200", "ErrorUrl": goto.hook.url} if call.dialect.twilio else {}
        return await _fetched(call, goto, fallback, {**goto.extra, **error})
    return found


async def _fetched(call: CloudCall, goto: Goto, hook: Hook, extra: Mapping[str, str]) -> Document | Ending:
    body, content_type = goto.document, "text/xml"
    if not body:
        params = call.parameters.document(goto.event, dict(extra))
        answer = await call.courier.ask(hook.url, hook.method, params, goto.event)
        if not answer.acknowledged:
            call.log.problems.append(f"{hook.url} gave {answer.status or answer.error}")
            return ANSWER_URL.at(goto.fetched)
        body, content_type = answer.body, answer.content_type
    call.log.documents.append(body)
    try:
        # A large document takes a moment that the other calls should not wait for.
        document = await asyncio.to_thread(read_document, body, content_type, call.dialect.carrier)
    except DocumentError as error:
        call.log.problems.append(f"the document of {hook.url}: {error}")
        return INVALID_XML.at(goto.fetched)
    call.log.problems += document.notes
    return document
