from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K
from offhook.calls.leg import CallOrigin
from offhook.carriers.media_stream.addresses import Addresses
from offhook.carriers.media_stream.documents import dial
from offhook.carriers.media_stream.hooks import HOOKS, Hooks, Visit
from offhook.carriers.media_stream.parameters import Parameters
from offhook.carriers.media_stream.webhooks import CallState
from offhook.config import CarrierName, CarrierSettings, TwilioSettings
from offhook.errors import CallError
from tests.carriers.media_stream.house import (
    ANSWER,
    CALL_ID,
    DIAL_ID,
    HANGUP,
    TWILIO,
    VOBIZ,
    PaperHouse,
    socket_url,
    tags,
    visit,
)

PUBLIC = "https://agent.example.com"


def hooks(house: PaperHouse, carrier: CarrierName = "vobiz", *, public_url: str = PUBLIC, **settings: Any) -> Hooks:
    kind = TwilioSettings if carrier == "twilio" else CarrierSettings
    return Hooks(kind(**settings), carrier, house.house, Addresses(public_url), 60)


def attributes(document: bytes) -> Mapping[str, str]:
    return next(fromstring(document).iter("Stream")).attrib  # noqa: S314 - written by us


def token_of(document: bytes) -> str:
    return socket_url(document).rpartition("/")[2]


# The answer


def test_an_inbound_call_is_joined_to_a_media_socket() -> None:
    house = PaperHouse()
    of_vobiz = hooks(house)
    document = of_vobiz.receive("answer", visit(**ANSWER))
    assert tags(document) == ["Response", "Stream"]
    assert socket_url(document).startswith("wss://agent.example.com/vobiz/ws/")
    assert attributes(document)["statusCallbackUrl"] == "https://agent.example.com/vobiz/stream-status"
    [ticket] = house.expected
    assert ticket == of_vobiz.arrivals.ticket(token_of(document))
    assert (ticket.carrier_call_id, ticket.format) == (CALL_ID, MULAW_8K)
    assert ticket.origin == CallOrigin("inbound", "+918071387423", "+919624705678")


@pytest.mark.parametrize(
    ("audio", "content_type", "audio_format"),
    [
        ("mulaw", "audio/x-mulaw;rate=8000", MULAW_8K),
        ("l16", "audio/x-l16;rate=8000", PCM_8K),
        ("l16-16k", "audio/x-l16;rate=16000", PCM_16K),
    ],
)
def test_the_stream_speaks_what_the_settings_say(audio: str, content_type: str, audio_format: object) -> None:
    house = PaperHouse()
    document = hooks(house, "plivo", audio=audio).receive("answer", visit(**ANSWER))
    assert attributes(document)["contentType"] == content_type
    assert house.expected[0].format == audio_format


def test_twilio_is_answered_in_its_own_grammar() -> None:
    house = PaperHouse()
    document = hooks(house, "twilio").receive("answer", visit(**TWILIO))
    assert tags(document) == ["Response", "Connect", "Stream"]
    assert socket_url(document).startswith("wss://agent.example.com/twilio/ws/")
    assert (house.expected[0].carrier_call_id, house.expected[0].format) == ("CA1", MULAW_8K)


def test_a_repeated_webhook_leads_to_the_same_socket_and_is_not_a_second_call() -> None:
    house = PaperHouse()
    of_vobiz = hooks(house)
    first = of_vobiz.receive("answer", visit(**ANSWER))
    assert of_vobiz.receive("answer", visit(**ANSWER)) == of_vobiz.receive("fallback", visit(**ANSWER)) == first
    assert len(house.expected) == 1


def test_a_webhook_repeated_during_the_conversation_opens_nothing() -> None:
    house = PaperHouse()
    of_vobiz = hooks(house)
    token = token_of(of_vobiz.receive("answer", visit(**ANSWER)))
    assert of_vobiz.arrivals.begin(token)
    again = token_of(of_vobiz.receive("answer", visit(**ANSWER)))
    assert of_vobiz.arrivals.ticket(again) is None
    assert len(house.expected) == 1


@pytest.mark.parametrize("event", ["Transfer", "Redirect"])
def test_a_call_that_was_sent_back_to_us_is_answered_anew(event: str) -> None:
    house = PaperHouse()
    of_vobiz = hooks(house)
    of_vobiz.arrivals.begin(token_of(of_vobiz.receive("answer", visit(**ANSWER))))
    token = token_of(of_vobiz.receive("answer", visit(**(ANSWER | {"Event": event}))))
    assert of_vobiz.arrivals.ticket(token) is not None


def test_the_public_address_is_that_of_the_request_where_none_is_set() -> None:
    told = visit(**ANSWER)
    document = hooks(PaperHouse(), public_url="").receive("answer", Visit(told.parameters, "http://127.0.0.1:8000"))
    assert socket_url(document).startswith("ws://127.0.0.1:8000/vobiz/ws/")


def test_a_server_that_stops_rejects_calls() -> None:
    house = PaperHouse(is_draining=True)
    rejected = fromstring(hooks(house).receive("answer", visit(**ANSWER)))[0]  # noqa: S314 - written by us
    assert (rejected.tag, rejected.attrib) == ("Hangup", {"reason": "busy"})
    assert tags(hooks(house, "twilio").receive("answer", visit(**TWILIO))) == ["Response", "Reject"]
    taken = ANSWER | {"Direction": "outbound", "CallStatus": "in-progress"}
    assert tags(hooks(house).receive("answer", visit(**taken))) == ["Response", "Hangup"]
    assert house.expected == []


def test_who_is_asked_to_take_a_call_over_is_answered_though_the_server_stops() -> None:
    origin = CallOrigin("outbound", "+1", "+2", dial_id="d-1", consults_for="call-1")
    house = PaperHouse(is_draining=True, origins={"d-1": origin})
    taken = ANSWER | {"Direction": "outbound", "CallStatus": "in-progress"}
    assert tags(hooks(house).receive("answer", visit("d-1", **taken))) == ["Response", "Stream"]


def test_a_caller_who_calls_too_often_is_rejected_and_a_call_in_progress_goes_on() -> None:
    house = PaperHouse()
    ours = hooks(house)
    socket = socket_url(ours.receive("answer", visit(**ANSWER)))
    house.rejected.add("+918071387423")
    assert socket_url(ours.receive("answer", visit(**ANSWER))) == socket
    other = ANSWER | {"CallUUID": "another"}
    for _ in range(2):
        rejected = fromstring(ours.receive("answer", visit(**other)))[0]  # noqa: S314 - written by us
        assert (rejected.tag, rejected.attrib) == ("Hangup", {"reason": "busy"})
    taken = other | {"CallStatus": "in-progress"}
    assert tags(ours.receive("answer", visit(**taken))) == ["Response", "Hangup"]
    assert len(house.expected) == 1


def test_a_call_of_which_nothing_is_told_is_answered_too() -> None:
    house = PaperHouse()
    assert tags(hooks(house).receive("answer", visit())) == ["Response", "Stream"]
    assert house.expected[0].origin == CallOrigin()


# The answer URL gets other things too


def test_a_hangup_at_the_answer_url_is_a_hangup() -> None:
    house = PaperHouse()
    assert tags(hooks(house).receive("answer", visit(**HANGUP))) == ["Response"]
    assert house.ended == [("vobiz", CALL_ID, "NORMAL_CLEARING")]
    assert house.expected == []


@pytest.mark.parametrize(
    "event",
    [
        "Ring",
        "MachineDetection",
        "Record",
        "RecordStop",
        "DialAnswer",
        "ConferenceEnter",
        "StartStream",
        "DroppedStream",
    ],
)
def test_other_events_at_the_answer_url_start_nothing(event: str) -> None:
    house = PaperHouse()
    assert tags(hooks(house).receive("answer", visit(**(VOBIZ | {"Event": event})))) == ["Response"]
    assert house.expected == []


# Calls that we dialled


def test_a_call_that_we_dialled_knows_why() -> None:
    origin = CallOrigin("outbound", "+15550199", "", "sales", {"name": "Anna"})
    house = PaperHouse(origins={DIAL_ID: origin})
    answered = VOBIZ | {"Direction": "outbound", "CallStatus": "in-progress", "Event": "StartApp"}
    hooks(house).receive("answer", visit(DIAL_ID, **answered))
    expected = CallOrigin("outbound", "+15550199", "+919624705678", "sales", {"name": "Anna"})
    assert house.expected[0].origin == expected
    assert (house.news, house.ids) == ([(DIAL_ID, "answered", "")], {DIAL_ID: CALL_ID})


def test_a_dialled_call_that_nobody_remembers_is_outbound_still() -> None:
    house = PaperHouse()
    hooks(house).receive("answer", visit(DIAL_ID, **ANSWER))
    assert house.expected[0].origin.direction == "outbound"


@pytest.mark.parametrize(
    ("carrier", "name", "told", "state"),
    [
        ("vobiz", "ring", {"CallStatus": "ringing", "Event": "Ring"}, "ringing"),
        ("vobiz", "ring", {}, "ringing"),
        ("vobiz", "machine", {"Machine": "true", "Event": "MachineDetection"}, "machine"),
        ("plivo", "machine", {"Machine": "false"}, "human"),
        ("twilio", "machine", {"AnsweredBy": "machine_end_beep", "CallStatus": "in-progress"}, "machine"),
        ("twilio", "status", {"CallStatus": "initiated"}, "queued"),
        ("twilio", "status", {"CallStatus": "ringing"}, "ringing"),
        ("twilio", "status", {"CallStatus": "in-progress"}, "answered"),
        ("twilio", "hangup", {"CallStatus": "ringing"}, "ringing"),
        ("twilio", "answer", {"CallStatus": "in-progress", "AnsweredBy": "human"}, "human"),
    ],
)
def test_the_progress_of_a_dialled_call(
    carrier: CarrierName, name: str, told: dict[str, str], state: CallState
) -> None:
    house = PaperHouse()
    hooks(house, carrier).receive(name, visit(DIAL_ID, **told))
    assert house.news == [(DIAL_ID, state, told.get("AnsweredBy", "") if state == "machine" else "")]
    assert house.ended == []


@pytest.mark.parametrize(
    ("name", "told", "state", "detail"),
    [
        ("hangup", HANGUP, "ended", "NORMAL_CLEARING"),
        ("hangup", {"CallStatus": "busy", "HangupCauseCode": "3010"}, "busy", "3010"),
        ("status", {"CallStatus": "no-answer"}, "no_answer", ""),
        ("ring", {"Event": "Hangup", "CallStatus": "failed"}, "failed", ""),
        ("machine", {"CallStatus": "canceled", "AnsweredBy": "human"}, "failed", ""),
    ],
)
def test_the_end_of_a_dialled_call(name: str, told: dict[str, str], state: CallState, detail: str) -> None:
    house = PaperHouse()
    hooks(house).receive(name, visit(DIAL_ID, **told))
    assert house.news == [(DIAL_ID, state, detail)]
    assert len(house.ended) == 1


def test_a_status_that_says_nothing_is_passed_over() -> None:
    house = PaperHouse()
    for name in ("status", "machine", "something new"):
        assert tags(hooks(house).receive(name, visit(DIAL_ID, CallStatus="on the moon"))) == ["Response"]
    assert (house.news, house.ended) == ([], [])


def test_a_call_that_nobody_dialled_has_no_progress() -> None:
    house = PaperHouse()
    hooks(house).receive("ring", visit(**VOBIZ))
    assert (house.news, house.ids) == ([], {})


# Ends


def test_after_the_hangup_the_token_opens_nothing() -> None:
    house = PaperHouse()
    of_vobiz = hooks(house)
    token = token_of(of_vobiz.receive("answer", visit(**ANSWER)))
    with capture_logs() as lines:
        of_vobiz.receive("hangup", visit(**HANGUP))
        of_vobiz.receive("hangup", visit(**HANGUP))
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert of_vobiz.arrivals.ticket(token) is None
    assert house.ended == [("vobiz", CALL_ID, "NORMAL_CLEARING")] * 2


@pytest.mark.parametrize("event", ["DegradedStream", "stream-error"])
def test_trouble_of_a_stream_is_told(event: str) -> None:
    with capture_logs() as lines:
        document = hooks(PaperHouse()).receive("stream-status", visit(CallUUID="c", Event=event, Error="bad line"))
    assert tags(document) == ["Response"]
    assert [(line["log_level"], line["detail"]) for line in lines] == [("warning", "bad line")]


def test_a_stream_that_ended_before_it_began_is_told() -> None:
    house = PaperHouse()
    of_vobiz = hooks(house)
    token = token_of(of_vobiz.receive("answer", visit(**ANSWER)))
    dropped = visit(CallUUID=CALL_ID, Event="DroppedStream")
    with capture_logs() as lines:
        of_vobiz.receive("stream-status", dropped)
        of_vobiz.arrivals.begin(token)
        of_vobiz.receive("stream-status", dropped)
    assert [line["log_level"] for line in lines] == ["warning", "debug"]


# Transfers


@pytest.mark.parametrize(
    "told",
    [{"DialStatus": "completed"}, {"DialStatus": "cancel"}, {"DialStatus": "busy", "Event": "Hangup"}, {}],
)
def test_a_call_that_was_handed_over_is_over(told: dict[str, str]) -> None:
    house = PaperHouse()
    assert "Stream" not in tags(hooks(house).receive("dial-status", visit(**(VOBIZ | told))))
    assert house.expected == []


@pytest.mark.parametrize(("status", "state"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed")])
def test_a_caller_whom_nobody_took_goes_back_to_an_agent(status: str, state: str) -> None:
    house = PaperHouse()
    of_vobiz = hooks(house)
    of_vobiz.arrivals.begin(token_of(of_vobiz.receive("answer", visit(**ANSWER))))
    dialled = VOBIZ | {"CallStatus": "in-progress", "DialStatus": status}
    token = token_of(of_vobiz.receive("dial-status", visit(**dialled)))
    assert of_vobiz.arrivals.ticket(token) == house.expected[1]
    assert house.expected[1].origin == CallOrigin(
        "inbound", "+918071387423", "+919624705678", variables={"transfer": state}
    )


def test_a_dialled_call_that_nobody_took_over_is_still_for_its_agent() -> None:
    house = PaperHouse(origins={DIAL_ID: CallOrigin("outbound", "+15550199", "+15550100", "sales", {"name": "Anna"})})
    of_vobiz = hooks(house)
    of_vobiz.receive("answer", visit(DIAL_ID, **ANSWER))
    of_vobiz.receive("dial-status", visit(CallUUID=CALL_ID, DialStatus="busy"))
    variables = {"name": "Anna", "transfer": "busy"}
    assert house.expected[1].origin == CallOrigin("outbound", "+15550199", "+15550100", "sales", variables)


def test_a_document_is_published_for_a_while() -> None:
    of_vobiz = hooks(PaperHouse())
    document = dial("vobiz", "+15550100")
    address = of_vobiz.publish(document)
    path, _, token = address.rpartition("/")
    assert path == "https://agent.example.com/vobiz/document"
    assert [of_vobiz.document(token) for _ in range(2)] == [document, document]
    assert tags(of_vobiz.document("never known")) == ["Response", "Hangup"]


def test_a_document_cannot_be_published_where_nobody_knows_the_way() -> None:
    with pytest.raises(CallError, match=r"server\.public_url"):
        hooks(PaperHouse(), public_url="").publish(b"")


def test_an_excuse_is_spoken() -> None:
    assert tags(hooks(PaperHouse()).sorry()) == ["Response", "Speak", "Hangup"]
    assert tags(hooks(PaperHouse(), "twilio").sorry()) == ["Response", "Say", "Hangup"]


_NAMES = st.sampled_from(["CallUUID", "CallSid", "From", "To", "Event", "CallStatus", "DialStatus", "Direction"])
_WORDS = st.sampled_from(["Hangup", "StartApp", "Ring", "ringing", "completed", "busy", "c1", "StartStream"])


@given(
    st.sampled_from(["vobiz", "plivo", "twilio"]),
    st.sampled_from([*HOOKS, "unknown"]),
    st.dictionaries(_NAMES | st.text(), _WORDS | st.text()),
    st.text(max_size=40),
)
def test_whatever_is_told_is_answered_with_a_document(
    carrier: CarrierName, name: str, values: dict[str, str], dial_id: str
) -> None:
    document = hooks(PaperHouse(), carrier).receive(name, Visit(Parameters(values), PUBLIC, dial_id))
    assert tags(document)[0] == "Response"
