import pytest
from plivo import plivoxml
from twilio.twiml.voice_response import Connect, VoiceResponse
from vobiz import vobizxml

from offhook.simulator.clouds.media_stream.dialects import Carrier
from offhook.simulator.clouds.media_stream.documents import Document, DocumentError, read_document
from offhook.simulator.clouds.media_stream.verbs import (
    Dial,
    Dtmf,
    Hangup,
    Play,
    Record,
    Redirect,
    Reject,
    Speak,
    Stream,
    Undone,
    Wait,
)

WSS = "wss://agent.example.com/ws"
MULAW = "audio/x-mulaw;rate=8000"


def read(inner: str, carrier: Carrier = "vobiz") -> Document:
    return read_document(f"<Response>{inner}</Response>".encode(), "application/xml", carrier)


def test_the_vendors_own_documents() -> None:
    expected = Stream(WSS, bidirectional=True, holds=True, content_type=MULAW)
    ours = vobizxml.ResponseElement()
    ours.add(vobizxml.StreamElement(WSS, bidirectional=True, keepCallAlive=True, contentType=MULAW))
    assert read_document(ours.to_string().encode(), "text/xml", "vobiz").verbs == (expected,)
    ours = plivoxml.ResponseElement()
    ours.add(plivoxml.StreamElement(WSS, bidirectional=True, keepCallAlive=True, contentType=MULAW))
    assert read_document(ours.to_string().encode(), "text/xml", "plivo").verbs == (expected,)
    response, connect = VoiceResponse(), Connect()
    connect.stream(url=WSS).parameter(name="who", value="7")
    response.append(connect)
    (stream,) = read_document(str(response).encode(), "text/xml; charset=utf-8", "twilio").verbs
    assert isinstance(stream, Stream)
    assert (stream.url, stream.bidirectional, stream.holds) == (WSS, True, True)
    assert stream.parameters == {"who": "7"}


@pytest.mark.parametrize(
    "inner",
    [
        f'<Stream bidirectional="true" keepCallAlive="true">\n  {WSS}\n</Stream>',
        f'<Stream bidirectional="true" keepCallAlive="true" url="{WSS}"/>',
        f'<Connect><Stream url="{WSS}" /></Connect>',
    ],
)
@pytest.mark.parametrize("carrier", ["vobiz", "plivo"])
def test_all_three_forms_of_a_stream(inner: str, carrier: Carrier) -> None:
    assert read(inner, carrier).verbs == (Stream(WSS, bidirectional=True, holds=True),)


def test_every_attribute_of_a_stream() -> None:
    (stream,) = read(
        '<Stream bidirectional="false" audioTrack="both" streamTimeout="60" statusCallbackUrl="https://a/s"'
        ' statusCallbackMethod="GET" contentType="audio/x-l16; rate=16000" extraHeaders="a=1, b=2" maxRetries="3">'
        f"{WSS}?x=1&amp;y=2</Stream>"
    ).verbs
    assert stream == Stream(
        f"{WSS}?x=1&y=2",
        content_type="audio/x-l16;rate=16000",
        track="both",
        timeout_s=60,
        status_url="https://a/s",
        status_method="GET",
        extra_headers={"a": "1", "b": "2"},
        max_retries=3,
    )


def test_the_other_elements() -> None:
    document = read(
        '<Speak voice="MAN" loop="2">One <break/>moment</Speak><Play>https://a/x.mp3</Play><Wait length="3"/>'
        '<Dial timeout="20" action="https://a/done"><Number>+15550100</Number><Number>15550101</Number></Dial>'
        '<Record action="https://a/r" maxLength="5"/><DTMF>12w#</DTMF><Redirect method="GET">https://a/n</Redirect>'
        '<Hangup reason="busy" schedule="9"/><Gather action="https://a/g"/>'
    )
    assert document.verbs == (
        Speak("One moment", 2),
        Play("https://a/x.mp3"),
        Wait(3),
        Dial(("+15550100", "15550101"), action="https://a/done", timeout_s=20),
        Record(action="https://a/r", max_length_s=5),
        Dtmf("12w#"),
        Redirect("https://a/n", "GET"),
        Hangup("busy", 9),
        Undone("Gather"),
    )
    assert document.notes == ()


def test_twilios_elements() -> None:
    assert read(
        '<Say>Hello</Say><Pause length="2"/><Play digits="12"/><Dial>+15550100</Dial><Reject reason="busy"/>', "twilio"
    ).verbs == (Speak("Hello"), Wait(2), Dtmf("12"), Dial(("+15550100",), timeout_s=30), Reject("busy"))
    (stream,) = read(f'<Start><Stream url="{WSS}" track="both_tracks" name="n"/></Start>', "twilio").verbs
    assert stream == Stream(WSS, content_type=MULAW, track="both", name="n")


def test_attributes_that_nobody_knows_are_noted() -> None:
    assert read('<Wait length="1" colour="red"/>').notes == ("Wait has no attribute colour",)
    assert read(f'<Stream maxRetries="2">{WSS}</Stream>', "plivo").notes == ("Stream has no attribute maxRetries",)


@pytest.mark.parametrize(
    ("inner", "problem"),
    [
        ("<Stream>wss://a/ws?x=1&y=2</Stream>", "not well-formed"),
        ("<Stream></Stream>", "no address of a WebSocket"),
        ("<Stream>https://a/ws</Stream>", "no address of a WebSocket"),
        ('<Stream bidirectional="yes">wss://a/ws</Stream>', 'neither "true" nor "false"'),
        ('<Stream contentType="audio/x-l16;rate=24000">wss://a/ws</Stream>', "contentType"),
        ('<Stream contentType="audio/wav">wss://a/ws</Stream>', "contentType"),
        ('<Stream maxRetries="11">wss://a/ws</Stream>', "maxRetries"),
        ('<Stream audioTrack="left">wss://a/ws</Stream>', "audioTrack"),
        ('<Stream statusCallbackUrl="/status">wss://a/ws</Stream>', "statusCallbackUrl"),
        (f'<Stream extraHeaders="k={"x" * 512}">wss://a/ws</Stream>', "extraHeaders"),
        ("<Connect/>", "has no <Stream>"),
        ("<Say>Hello</Say>", "<Say> is no element of vobiz"),
        ("<GetDigits/>", "<GetDigits> is no element of vobiz"),
        ("<Speak/>", "<Speak> is empty"),
        ("<Play/>", "<Play> is empty"),
        ("<Dial></Dial>", "nobody to call"),
        ("<DTMF>abc</DTMF>", "no keys"),
        ('<Wait length="soon"/>', "is not a number"),
        ("<Redirect>/next</Redirect>", "no web address"),
        ('<Hangup reason="tired"/>', "none of"),
        ("<stream>wss://a/ws</stream>", "no element"),
    ],
)
def test_documents_that_are_refused(inner: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        read(inner)


def test_twilio_wants_the_address_in_an_attribute() -> None:
    with pytest.raises(DocumentError, match="url attribute"):
        read("<Connect><Stream>wss://a/ws</Stream></Connect>", "twilio")
    with pytest.raises(DocumentError, match="<Stream> is no element of twilio"):
        read("<Stream>wss://a/ws</Stream>", "twilio")


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        (b"OK", "text/xml", "not well-formed"),
        (b"", "text/xml", "not well-formed"),
        (b"<Response/>", "application/json", "content type"),
        (b"<response/>", "text/xml", "<response>"),
        (b"<Response/><Response/>", "text/xml", "not well-formed"),
        (b"<Response>\xff</Response>", "text/xml", "not well-formed"),
        (b'<!DOCTYPE Response [<!ENTITY a "b">]><Response><Speak>&a;</Speak></Response>', "text/xml", "document type"),
        (b"<Response>" + b" " * 100_000 + b"</Response>", "text/xml", "more than"),
    ],
)
def test_bodies_that_are_refused(body: bytes, content_type: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        read_document(body, content_type, "vobiz")
