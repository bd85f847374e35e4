"""The vendors' own builders judge our documents: same tags, attributes and stripped text."""

from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plivo import plivoxml
from twilio.twiml.voice_response import Connect, Dial, Stream, VoiceResponse
from vobiz import vobizxml

from offhook.carriers.media_stream import documents
from offhook.config import CarrierName

SOCKET = "wss://agent.example.com/ws/one?not&escaped=<no>"
STATUS = "https://agent.example.com/stream-status?a=1&b=2"
ACTION = "https://agent.example.com/dial-status?a=1&b=2"
MULAW = "audio/x-mulaw;rate=8000"
Shape = tuple[str, dict[str, str], str, list[Any]]


def shape(element: Element) -> Shape:
    return element.tag, dict(element.attrib), (element.text or "").strip(), [shape(child) for child in element]


def read(document: bytes | str) -> Shape:
    return shape(fromstring(document))  # noqa: S314 - written here, and by the vendors' builders


@pytest.mark.parametrize(("carrier", "vendor"), [("vobiz", vobizxml), ("plivo", plivoxml)])
def test_the_answer_is_what_the_vendor_would_write(carrier: CarrierName, vendor: Any) -> None:
    element = vendor.StreamElement(
        SOCKET,
        bidirectional=True,
        keepCallAlive=True,
        contentType=MULAW,
        statusCallbackUrl=STATUS,
        statusCallbackMethod="POST",
    )
    expected = vendor.ResponseElement().add(element).to_string()
    ours = documents.stream(carrier, SOCKET, content_type=MULAW, status_url=STATUS, parameters={"never": "sent"})
    assert read(ours) == read(expected)


def test_the_answer_to_twilio_is_what_twilio_would_write() -> None:
    stream = Stream(url=SOCKET, status_callback=STATUS, status_callback_method="POST")
    stream.parameter(name="name", value="Anna & <Otto>")
    connect = Connect()
    connect.append(stream)
    response = VoiceResponse()
    response.append(connect)
    ours = documents.stream(
        "twilio", SOCKET, content_type=MULAW, status_url=STATUS, parameters={"name": "Anna & <Otto>"}
    )
    assert read(ours) == read(str(response))


def test_without_a_status_url_no_status_is_asked_for() -> None:
    for carrier in ("vobiz", "plivo", "twilio"):
        assert b"tatusCallback" not in documents.stream(carrier, SOCKET, content_type=MULAW)


@pytest.mark.parametrize(("carrier", "vendor"), [("vobiz", vobizxml), ("plivo", plivoxml)])
@pytest.mark.parametrize("to", ["+919624705678", "sip:anna@registrar.vobiz.ai", "sips:anna@x.example"])
def test_a_transfer_is_what_the_vendor_would_write(carrier: CarrierName, vendor: Any, to: str) -> None:
    dial = vendor.DialElement(action=ACTION, method="POST", timeout=30, caller_id="+918071387423")
    dial.add(vendor.UserElement(to) if to.startswith("sip") else vendor.NumberElement(to))
    expected = vendor.ResponseElement().add(dial).to_string()
    ours = documents.dial(carrier, to, caller_id="+918071387423", timeout_s=30, action_url=ACTION)
    assert read(ours) == read(expected)


@pytest.mark.parametrize("to", ["+15550100", "sip:anna@example.com", "sips:anna@example.com"])
def test_a_transfer_at_twilio_is_what_twilio_would_write(to: str) -> None:
    dial = Dial(action=ACTION, method="POST", timeout=30, caller_id="+15550101")
    dial.sip(to) if to.startswith("sip") else dial.number(to)
    response = VoiceResponse()
    response.append(dial)
    ours = documents.dial("twilio", to, caller_id="+15550101", timeout_s=30, action_url=ACTION)
    assert read(ours) == read(str(response))


def test_a_transfer_without_caller_id_and_action_names_neither() -> None:
    _, _, _, [(_, attributes, _, _)] = read(documents.dial("vobiz", "+919624705678"))
    assert attributes == {"timeout": "60"}


@pytest.mark.parametrize(("carrier", "vendor"), [("vobiz", vobizxml), ("plivo", plivoxml)])
def test_the_end_of_a_call_is_what_the_vendor_would_write(carrier: CarrierName, vendor: Any) -> None:
    def whole(*elements: Any) -> Shape:
        response = vendor.ResponseElement()
        for element in elements:
            response.add(element)
        return read(response.to_string())

    assert read(documents.hang_up()) == whole(vendor.HangupElement())
    assert read(documents.reject(carrier)) == whole(vendor.HangupElement(reason="busy"))
    spoken = whole(vendor.SpeakElement("Bye & <out>", language="en-US"), vendor.HangupElement())
    assert read(documents.speak(carrier, "Bye & <out>", language="en-US")) == spoken
    assert read(documents.nothing()) == whole()


def test_the_end_of_a_call_at_twilio_is_what_twilio_would_write() -> None:
    hung_up, rejected, spoken = (VoiceResponse() for _ in range(3))
    hung_up.hangup()
    rejected.reject(reason="busy")
    spoken.say("Bye & <out>", language="en-US")
    spoken.hangup()
    assert read(documents.hang_up()) == read(str(hung_up))
    assert read(documents.reject("twilio")) == read(str(rejected))
    assert read(documents.speak("twilio", "Bye & <out>", language="en-US")) == read(str(spoken))


def test_sockets_are_as_safe_as_the_public_address() -> None:
    assert documents.web_socket_url("https://a.example.com/ws/x") == "wss://a.example.com/ws/x"
    assert documents.web_socket_url("http://127.0.0.1:8000/ws/x") == "ws://127.0.0.1:8000/ws/x"


@given(st.text(max_size=5_000), st.text(max_size=200), st.sampled_from(["vobiz", "plivo", "twilio"]))
def test_whatever_is_put_in_the_document_is_xml_and_small(text: str, value: str, carrier: CarrierName) -> None:
    written = [
        documents.stream(carrier, text, content_type=value, status_url=value, parameters={value: text}),
        documents.dial(carrier, text, caller_id=value, action_url=text),
        documents.speak(carrier, text, language=value),
    ]
    assert all(read(document)[0] == "Response" and len(document) < 100_000 for document in written)


def test_a_conference_ends_for_all_when_one_leaves() -> None:
    for carrier in ("vobiz", "plivo"):
        assert documents.conference(carrier, "room <1>").endswith(
            b'<Response><Conference startConferenceOnEnter="true" endConferenceOnExit="true" stayAlone="true">'
            b"room &lt;1&gt;</Conference></Response>"
        )
    assert documents.conference("twilio", "room").endswith(
        b'<Response><Dial><Conference beep="false" startConferenceOnEnter="true" endConferenceOnExit="true">'
        b"room</Conference></Dial></Response>"
    )
