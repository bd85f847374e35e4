"""Recordings, as elements of a document and as requests of the REST API. Nothing is stored; only who is told."""

from offhook.simulator.clouds.media_stream.call import CloudCall
from offhook.simulator.clouds.media_stream.orders import Goto, Hook
from offhook.simulator.clouds.media_stream.parameters import Recorded
from offhook.simulator.clouds.media_stream.verbs import Record

__all__ = ["record", "recording_url", "start_recording", "stop_recordings"]

LISTEN_S = 0.1


async def record(call: CloudCall, verb: Record) -> Goto | None:
    """Record until a key, or for as long as it may; a recording of the whole call goes on beside the document."""
    if verb.session:
        start_recording(call, Hook(verb.callback_url, verb.callback_method), verb.max_length_s, verb.file_format)
        return None
    began_ms, pressed = call.now_ms, len(call.phone.pressed)
    key = ""
    while not key and call.now_ms - began_ms < verb.max_length_s * 1000:
        await call.clock.sleep(LISTEN_S)
        key = next((digit for digit in call.phone.pressed[pressed:] if digit in verb.finish_on_key), "")
    recorded = _recorded(call, began_ms, verb.file_format, "FinishedOnKey" if key else "maxLength", key)
    _tell(call, Hook(verb.callback_url, verb.callback_method), recorded)
    if verb.action and (verb.redirect or call.dialect.twilio):
        params = call.parameters.recorded(recorded)
        return Goto(Hook(verb.action, verb.method), "action", "Record", params)
    _tell(call, Hook(verb.action, verb.method), recorded)
    return None


def start_recording(call: CloudCall, hook: Hook, limit_s: float, file_format: str = "mp3") -> str:
    """Record in the background until the limit, the end of the call or `stop_recordings`; returns the id."""
    recording_id = call.dialect.new_recording_id()
    call.running_recordings[recording_id] = call.help(_record(call, recording_id, hook, limit_s, file_format))
    return recording_id


def stop_recordings(call: CloudCall, recording_id: str = "") -> bool:
    """Stop one recording, or all; says whether there was any."""
    ids = [recording_id] if recording_id else list(call.running_recordings)
    found = [task for each in ids if (task := call.running_recordings.pop(each, None)) is not None]
    for task in found:
        task.cancel()
    return bool(found)


async def _record(call: CloudCall, recording_id: str, hook: Hook, limit_s: float, file_format: str) -> None:
    began_ms, reason = call.now_ms, "HungUp"
    try:
        await call.clock.sleep(limit_s)
        reason = "maxLength"
    finally:
        call.running_recordings.pop(recording_id, None)
        _tell(call, hook, _recorded(call, began_ms, file_format, reason, recording_id=recording_id))


def _recorded(
    call: CloudCall, began_ms: float, file_format: str, reason: str, digits: str = "", *, recording_id: str = ""
) -> Recorded:
    recording_id = recording_id or call.dialect.new_recording_id()
    url = recording_url(call, recording_id, file_format)
    recorded = Recorded(recording_id, url, round(call.now_ms - began_ms), reason, digits)
    call.log.recordings.append(recorded)
    return recorded


def recording_url(call: CloudCall, recording_id: str, file_format: str) -> str:
    """Where a recording would be found; a name that leads nowhere (RFC 2606)."""
    return f"https://media.{call.dialect.carrier}.example/{recording_id}.{file_format}"


def _tell(call: CloudCall, hook: Hook, recorded: Recorded) -> None:
    call.courier.tell(hook.url, hook.method, call.parameters.recorded(recorded), "Record")
