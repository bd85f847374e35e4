from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.carriers.media_stream.parameters import Parameters, read_parameters
from offhook.carriers.media_stream.webhooks import (
    CallState,
    is_stream_event,
    normal_number,
    read_call,
    read_dial,
    read_hangup,
    read_stream,
)

VOBIZ_ANSWER = {
    "CallUUID": "9a0e0208-d01a-4572-9a04-fe583a05ac53",
    "From": "918071387423",
    "To": "919624705678",
    "Direction": "inbound",
    "CallStatus": "ringing",
    "Event": "StartApp",
    "ParentAuthID": "MA_XXXXXXXX",
    "X-VH-Customer": "7",
}
VOBIZ_HANGUP = VOBIZ_ANSWER | {
    "CallStatus": "completed",
    "Event": "Hangup",
    "Duration": "13",
    "HangupCause": "NORMAL_CLEARING",
    "HangupCauseCode": "4000",
    "HangupCauseName": "Normal Hangup",
    "HangupSource": "Caller",
}
TWILIO_ANSWER = {
    "CallSid": "CA1234567890ABCDE",
    "AccountSid": "AC1",
    "From": "+14158675309",
    "To": "+18005551212",
    "CallStatus": "in-progress",
    "Direction": "outbound-api",
    "AnsweredBy": "machine_start",
}


def told(**values: str) -> Parameters:
    return read_parameters("", "", urlencode(values).encode())


def test_vobiz_tells_of_an_inbound_call() -> None:
    call = read_call(told(**VOBIZ_ANSWER))
    assert call.call_id == "9a0e0208-d01a-4572-9a04-fe583a05ac53"
    assert (call.from_number, call.to_number, call.direction) == ("+918071387423", "+919624705678", "inbound")
    assert (call.status, call.event, call.state, call.is_over) == ("ringing", "startapp", "ringing", False)


def test_twilio_tells_of_an_outbound_call_that_a_machine_took() -> None:
    call = read_call(told(**TWILIO_ANSWER))
    assert (call.call_id, call.direction, call.state) == ("CA1234567890ABCDE", "outbound", "answered")
    assert (call.from_number, call.to_number, call.verdict) == ("+14158675309", "+18005551212", "machine")


def test_a_call_without_its_own_id_has_that_of_its_request() -> None:
    assert read_call(told(RequestUUID="r")).call_id == "r"
    assert read_call(told(RequestUUID="r", CallUUID="c")).call_id == "c"


def test_names_in_another_case_are_understood() -> None:
    call = read_call(told(calluuid="c", FROM="+15550100", event="HANGUP"))
    assert (call.call_id, call.from_number, call.is_over) == ("c", "+15550100", True)


def test_ids_are_bounded() -> None:
    assert len(read_call(told(CallUUID="c" * 1_000)).call_id) == 128


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"Machine": "true"}, "machine"),
        ({"Machine": "False"}, "human"),
        ({"AnsweredBy": "human"}, "human"),
        ({"AnsweredBy": "machine_end_beep"}, "machine"),
        ({"AnsweredBy": "fax"}, "machine"),
        ({"AnsweredBy": "unknown"}, ""),
        ({}, ""),
    ],
)
def test_who_answered(values: dict[str, str], verdict: str) -> None:
    assert read_call(told(**values)).verdict == verdict


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", "queued"),
        ("initiated", "queued"),
        ("ringing", "ringing"),
        ("in-progress", "answered"),
        ("completed", "ended"),
        ("busy", "busy"),
        ("no-answer", "no_answer"),
        ("timeout", "no_answer"),
        ("failed", "failed"),
        ("cancel", "failed"),
        ("canceled", "failed"),
        ("something new", None),
        ("", None),
    ],
)
def test_words_for_the_state_of_a_call(status: str, state: CallState | None) -> None:
    assert read_call(told(CallStatus=status)).state == state


def test_vobiz_tells_why_a_call_ended() -> None:
    end = read_hangup(told(**VOBIZ_HANGUP))
    assert (end.is_over, end.state, end.is_fault, end.duration_s) == (True, "ended", False, 13)
    assert end.detail == "Normal Hangup 4000, by Caller"


def test_the_least_that_is_told_of_a_hangup_is_enough() -> None:
    end = read_hangup(told(CallUUID="c", Duration="0", HangupCause="NO_ANSWER"))
    assert (end.is_over, end.state, end.detail) == (True, "no_answer", "NO_ANSWER")
    assert read_hangup(told(CallUUID="c")).is_over


def test_a_living_call_whose_status_comes_to_the_hangup_url_is_not_over() -> None:
    assert not read_hangup(told(CallSid="c", CallStatus="ringing")).is_over
    assert read_hangup(told(CallSid="c", CallStatus="busy")).is_over


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"CallStatus": "busy"}, "busy"),
        ({"CallStatus": "completed", "HangupCauseCode": "3010"}, "busy"),
        ({"CallStatus": "completed", "HangupCauseCode": "3010", "Duration": "9"}, "ended"),
        ({"HangupCauseCode": "6010"}, "no_answer"),
        ({"HangupCause": "Call Rejected"}, "busy"),
        ({"HangupCause": "UNALLOCATED_NUMBER"}, "failed"),
        ({"HangupCause": "NORMAL_CLEARING", "Duration": "soon"}, "ended"),
    ],
)
def test_how_a_call_ended(values: dict[str, str], state: CallState) -> None:
    assert read_hangup(told(**values)).state == state


@pytest.mark.parametrize(
    ("code", "fault"), [("7011", True), ("6020", True), ("4010", False), ("3010", False), ("", False)]
)
def test_faults_of_servers_are_told_from_people_hanging_up(code: str, fault: bool) -> None:
    assert read_hangup(told(HangupCauseCode=code)).is_fault is fault


def test_a_source_alone_is_a_detail_too() -> None:
    assert read_hangup(told(HangupSource="Callee")).detail == "by Callee"
    assert read_hangup(told()).detail == ""


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        ("StartStream", "started"),
        ("PlayedStream", "played"),
        ("ClearedAudio", "cleared"),
        ("DegradedStream", "degraded"),
        ("DroppedStream", "dropped"),
        ("StopStream", "stopped"),
        ("NewStreamEvent", "newstreamevent"),
    ],
)
def test_events_of_a_stream(event: str, meaning: str) -> None:
    hook = read_stream(told(Event=event, CallUUID="c", StreamID="s", Name="mark", Error="connection degraded"))
    assert (hook.event, hook.call_id, hook.stream_id) == (meaning, "c", "s")
    assert (hook.name, hook.error) == ("mark", "connection degraded")


def test_events_of_a_stream_at_twilio() -> None:
    hook = read_stream(told(StreamEvent="stream-error", CallSid="CA", StreamSid="MZ", StreamError="refused"))
    assert (hook.event, hook.call_id, hook.stream_id, hook.error) == ("error", "CA", "MZ", "refused")
    assert is_stream_event("stream-stopped")
    assert not is_stream_event("startapp")


def test_how_a_transfer_went() -> None:
    hook = read_dial(told(CallUUID="c", DialStatus="no-answer", DialBLegUUID="b", DialHangupCause="NO_ANSWER"))
    assert (hook.state, hook.cause, hook.call.call_id) == ("no_answer", "NO_ANSWER", "c")
    hook = read_dial(told(CallSid="c", DialCallStatus="completed", DialCallSid="b"))
    assert hook.state == "answered"
    assert read_dial(told(DialStatus="cancel")).state == "ended"
    assert read_dial(told(CallUUID="c")).state is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("918071387423", "+918071387423"),
        ("+918071387423", "+918071387423"),
        (" 918071387423", "+918071387423"),
        (" 47123456", "+47123456"),
        ("+1 (555) 010-0000", "+15550100000"),
        ("0227126400123", "0227126400123"),
        ("9624705678", "9624705678"),
        ("1001", "1001"),
        ("anonymous", "anonymous"),
        ("sip:anna@example.com", "sip:anna@example.com"),
        ("client:anna", "client:anna"),
        ("٠١٢٣٤٥٦٧٨٩٠١", "٠١٢٣٤٥٦٧٨٩٠١"),
        ("+", "+"),
        ("", ""),
        ("Ann\r\nX-Evil: 1\x00\x1b[2J\u202e", "Ann  X-Evil: 1  [2J"),
    ],
)
def test_numbers_are_made_alike_where_they_are_whole(text: str, number: str) -> None:
    assert normal_number(text) == number


def test_what_strangers_say_is_one_short_line() -> None:
    told = dict.fromkeys(("HangupCause", "HangupSource", "Error", "CallUUID", "DialHangupCause"), "a\n\x1b" + "b" * 900)
    parameters = Parameters(told)
    hangup = read_hangup(parameters)
    words = [hangup.cause, hangup.source, read_stream(parameters).error, read_dial(parameters).cause]
    assert [word[:4] + str(len(word)) for word in words] == ["a  b200"] * 4
    assert len(hangup.call.call_id) == 128


_NAMES = ["CallUUID", "CallSid", "From", "To", "Event", "CallStatus", "Duration", "HangupCause", "HangupCauseCode"]


@given(st.dictionaries(st.sampled_from([*_NAMES, "DialStatus", "Machine"]) | st.text(), st.text()))
def test_whatever_is_told_is_read(values: dict[str, str]) -> None:
    parameters = Parameters(values)
    end = read_hangup(parameters)
    assert len(end.call.from_number) <= 200
    assert isinstance(end.detail + end.state + str(end.is_fault) + str(end.is_over), str)
    assert isinstance(read_stream(parameters).event, str)
    assert len(read_dial(parameters).cause) <= 200
