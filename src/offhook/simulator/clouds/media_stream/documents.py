"""Reads the XML that a server answers with, as strictly as the carrier does, into verbs.

Sources: Vobiz "XML", "Stream"; Plivo's XML reference; Twilio's TwiML. Vobiz and Plivo take the stream's address as the
text of the element; the forms with a `url` attribute and with `Connect` are read as well, since they are in use.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from offhook.simulator.clouds.media_stream.attributes import Attributes, DocumentError
from offhook.simulator.clouds.media_stream.dialects import Carrier
from offhook.simulator.clouds.media_stream.verbs import (
    Conference,
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
    Verb,
    Wait,
)

__all__ = ["MAX_BYTES", "Document", "DocumentError", "read_document"]

MAX_BYTES = 100_000
CONTENT_TYPES = ("application/xml", "text/xml")
INPUT_FORMATS = ("audio/x-l16;rate=8000", "audio/x-l16;rate=16000", "audio/x-mulaw;rate=8000")
MAX_EXTRA_HEADERS = 512
TRACKS = {"inbound_track": "inbound", "outbound_track": "outbound", "both_tracks": "both"}
Reader = Callable[[ET.Element, Attributes, Carrier], Verb]


@dataclass(frozen=True, slots=True)
class Document:
    """What to do, in order; `notes` name what the carrier would pass over without a word."""

    verbs: tuple[Verb, ...]
    notes: tuple[str, ...] = ()


class _NoDoctype(ET.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise DocumentError("a document type is not allowed")


def read_document(body: bytes, content_type: str, carrier: Carrier) -> Document:
    """The verbs of a document. Raises DocumentError for what is not one."""
    if content_type.partition(";")[0].strip().lower() not in CONTENT_TYPES:
        raise DocumentError(f'the content type is "{content_type}" and not one of XML')
    if len(body) > MAX_BYTES:
        raise DocumentError(f"{len(body)} bytes are more than {MAX_BYTES}")
    notes: list[str] = []
    verbs = [_verb(child, carrier, notes) for child in _root(body)]
    return Document(tuple(verbs), tuple(notes))


def _root(body: bytes) -> ET.Element:
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314 - without a document type there are no entities to expand
    try:
        parser.feed(body)
        root = parser.close()
    except ET.ParseError as error:
        raise DocumentError(f"not well-formed: {error}") from error
    if root.tag != "Response":
        raise DocumentError(f"the root is <{root.tag}> and not <Response>")
    return root


def _verb(element: ET.Element, carrier: Carrier, notes: list[str]) -> Verb:
    readers = _TWILIO if carrier == "twilio" else _PLIVO_FAMILY
    if element.tag in _ALSO[carrier]:
        return Undone(element.tag)
    if element.tag not in readers:
        raise DocumentError(f"<{element.tag}> is no element of {carrier}")
    attributes = Attributes(element)
    verb = readers[element.tag](element, attributes, carrier)
    notes += [f"{element.tag} has no attribute {name}" for name in attributes.unread]
    return verb


def _text(element: ET.Element) -> str:
    text = (element.text or "").strip()
    if not text:
        raise DocumentError(f"<{element.tag}> is empty")
    return text


def _socket_address(element: ET.Element, attributes: Attributes) -> str:
    url = attributes.text("url") or (element.text or "").strip()
    if not re.match(r"wss?://[^/\s]+", url) or re.search(r"\s", url):
        raise DocumentError(f'<Stream> leads to "{url}", which is no address of a WebSocket')
    return url


def _stream(element: ET.Element, attributes: Attributes, carrier: Carrier) -> Stream:
    attributes.ignore("noiseCancellation", "noiseCancellationLevel")
    return Stream(
        url=_socket_address(element, attributes),
        bidirectional=attributes.flag("bidirectional"),
        holds=attributes.flag("keepCallAlive"),
        content_type=_input_format(attributes),
        track=attributes.choice("audioTrack", "inbound", "inbound", "outbound", "both"),
        timeout_s=attributes.whole("streamTimeout", 86_400, least=1),
        status_url=attributes.address("statusCallbackUrl"),
        status_method=attributes.method("statusCallbackMethod"),
        extra_headers=_extra_headers(attributes.text("extraHeaders")),
        max_retries=attributes.whole("maxRetries", 0, most=10) if carrier == "vobiz" else 0,
    )


def _input_format(attributes: Attributes) -> str:
    given = attributes.text("contentType", INPUT_FORMATS[0]).replace(" ", "")
    if given not in INPUT_FORMATS:
        raise DocumentError(f'<Stream> contentType="{given}" is none of {", ".join(INPUT_FORMATS)}')
    return given


def _extra_headers(text: str) -> dict[str, str]:
    if len(text.encode()) > MAX_EXTRA_HEADERS:
        raise DocumentError(f"<Stream> extraHeaders are longer than {MAX_EXTRA_HEADERS} bytes")
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    return {key.strip(): value.strip() for key, _, value in pairs}


def _twilio_stream(element: ET.Element, attributes: Attributes, *, bidirectional: bool) -> Stream:
    url = _socket_address(element, attributes)
    if not attributes.text("url"):
        raise DocumentError("Twilio's <Stream> needs a url attribute")
    return Stream(
        url=url,
        bidirectional=bidirectional,
        holds=bidirectional,
        content_type="audio/x-mulaw;rate=8000",
        track=TRACKS[attributes.choice("track", "inbound_track", *TRACKS)],
        status_url=attributes.address("statusCallback"),
        status_method=attributes.method("statusCallbackMethod"),
        parameters={child.get("name", ""): child.get("value", "") for child in element.findall("Parameter")},
        name=attributes.text("name"),
    )


def _connect(element: ET.Element, attributes: Attributes, carrier: Carrier) -> Verb:
    attributes.ignore("action", "method")
    child = element.find("Stream")
    if child is None:
        raise DocumentError(f"<{element.tag}> has no <Stream>")
    if carrier == "twilio":
        return _twilio_stream(child, Attributes(child), bidirectional=element.tag == "Connect")
    plain = _stream(child, Attributes(child), carrier)
    # Who writes Twilio's form means Twilio's stream: both ways, and the call stays while it lasts.
    return Stream(plain.url, bidirectional=True, holds=True, content_type=plain.content_type)


def _conference(element: ET.Element, attributes: Attributes, _: Carrier) -> Conference:
    attributes.ignore("startConferenceOnEnter", "stayAlone", "muted", "beep", "enterSound", "exitSound", "waitSound")
    attributes.ignore("waitUrl", "maxMembers", "maxParticipants", "callbackUrl", "callbackMethod")
    return Conference(_text(element), attributes.flag("endConferenceOnExit"))


def _dial(element: ET.Element, attributes: Attributes, carrier: Carrier) -> Dial | Conference:
    attributes.ignore("callerName", "hangupOnStar", "dialMusic", "confirmSound", "confirmKey", "confirmTimeout")
    attributes.ignore("digitsMatch", "digitsMatchBLeg", "sipHeaders", "record", "answerOnBridge", "trim")
    if carrier == "twilio" and (room := element.find("Conference")) is not None:
        return _conference(room, Attributes(room), carrier)
    children = [child.text or "" for child in element if child.tag in ("Number", "User", "Sip", "Client")]
    numbers = tuple(number.strip() for number in children or [element.text or ""] if number.strip())
    if not numbers:
        raise DocumentError("<Dial> names nobody to call")
    return Dial(
        numbers,
        action=attributes.address("action"),
        method=attributes.method("method"),
        callback_url=attributes.address("callbackUrl"),
        callback_method=attributes.method("callbackMethod"),
        timeout_s=attributes.whole("timeout", 30 if carrier == "twilio" else 120, least=1),
        time_limit_s=attributes.whole("timeLimit", 14_400, least=1),
        caller_id=attributes.text("callerId"),
        redirect=attributes.flag("redirect", default=True),
    )


def _hangup(_: ET.Element, attributes: Attributes, _carrier: Carrier) -> Hangup:
    reason = attributes.choice("reason", "", "", "rejected", "busy")
    return Hangup(reason, attributes.whole("schedule", 0))


def _play(element: ET.Element, attributes: Attributes, carrier: Carrier) -> Verb:
    loop = attributes.whole("loop", 1, most=1_000)
    if carrier == "twilio" and (digits := attributes.text("digits")):
        return _keys(digits)
    return Play(_text(element), loop)


def _speak(element: ET.Element, attributes: Attributes, _: Carrier) -> Speak:
    attributes.ignore("voice", "language")
    loop = attributes.whole("loop", 1, most=1_000)
    text = " ".join("".join(element.itertext()).split())
    if not text:
        raise DocumentError(f"<{element.tag}> is empty")
    return Speak(text, loop)


def _wait(_: ET.Element, attributes: Attributes, _carrier: Carrier) -> Wait:
    attributes.ignore("silence", "minSilence", "beep")
    return Wait(attributes.whole("length", 1, least=1))


def _redirect(element: ET.Element, attributes: Attributes, _: Carrier) -> Redirect:
    url = _text(element)
    if not url.startswith(("http://", "https://")):
        raise DocumentError(f'<Redirect> leads to "{url}", which is no web address')
    return Redirect(url, attributes.method("method"))


def _record(_: ET.Element, attributes: Attributes, carrier: Carrier) -> Record:
    attributes.ignore("timeout", "playBeep", "startOnDialAnswer", "recordChannelType", "trim")
    attributes.ignore("transcriptionType", "transcriptionUrl", "transcriptionMethod", "transcriptionReportType")
    callback = "recordingStatusCallback" if carrier == "twilio" else "callbackUrl"
    return Record(
        action=attributes.address("action"),
        method=attributes.method("method"),
        callback_url=attributes.address(callback),
        callback_method=attributes.method(callback.removesuffix("Url") + "Method"),
        max_length_s=attributes.whole("maxLength", 3_600 if carrier == "twilio" else 60, least=1),
        finish_on_key=attributes.text("finishOnKey", "1234567890*#"),
        file_format=attributes.choice("fileFormat", "mp3", "mp3", "wav"),
        session=attributes.flag("recordSession"),
        redirect=attributes.flag("redirect", default=carrier == "twilio"),
    )


def _dtmf(element: ET.Element, attributes: Attributes, _: Carrier) -> Dtmf:
    attributes.ignore("async")
    return _keys(_text(element))


def _keys(digits: str) -> Dtmf:
    if not re.fullmatch(r"[0-9*#wW]+", digits):
        raise DocumentError(f'"{digits}" are no keys')
    return Dtmf(digits)


def _reject(_: ET.Element, attributes: Attributes, _carrier: Carrier) -> Reject:
    return Reject(attributes.choice("reason", "rejected", "rejected", "busy"))


_PLIVO_FAMILY: dict[str, Reader] = {
    "Stream": _stream,
    "Connect": _connect,
    "Dial": _dial,
    "Conference": _conference,
    "Hangup": _hangup,
    "Play": _play,
    "Speak": _speak,
    "Wait": _wait,
    "Redirect": _redirect,
    "Record": _record,
    "DTMF": _dtmf,
}
_TWILIO: dict[str, Reader] = {
    "Connect": _connect,
    "Start": _connect,
    "Dial": _dial,
    "Hangup": _hangup,
    "Reject": _reject,
    "Play": _play,
    "Say": _speak,
    "Pause": _wait,
    "Redirect": _redirect,
    "Record": _record,
}
_ALSO: dict[Carrier, frozenset[str]] = {
    "vobiz": frozenset({"Gather", "PreAnswer", "AudioStream", "MultiPartyCall"}),
    "plivo": frozenset({"GetDigits", "GetInput", "PreAnswer", "Message", "MultiPartyCall"}),
    "twilio": frozenset({"Gather", "Enqueue", "Leave", "Queue", "Refer", "Sms", "Stop", "Pay", "Siprec"}),
}
