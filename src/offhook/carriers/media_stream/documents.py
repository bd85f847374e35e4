"""The XML documents that tell a carrier what to do with a call.

Vobiz and Plivo share a grammar (https://docs.vobiz.ai/xml, https://www.plivo.com/docs/voice/xml); Twilio has TwiML
(https://www.twilio.com/docs/voice/twiml). Each function returns a whole document, UTF-8, far below the 100 KB that
carriers take.
"""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

from offhook.config import CarrierName

__all__ = ["conference", "dial", "hang_up", "nothing", "reject", "speak", "stream", "web_socket_url"]

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_TEXT = 3_000


def stream(
    carrier: CarrierName,
    socket_url: str,
    *,
    content_type: str,
    status_url: str = "",
    parameters: Mapping[str, str] | None = None,
) -> bytes:
    """Join the call to the web socket at `socket_url`, both ways, until either side ends it.

    `content_type` is what Vobiz and Plivo shall send, such as `audio/x-mulaw;rate=8000`; Twilio sends nothing else.
    Events of the stream are told to `status_url`. `parameters` reach the socket with Twilio only. No reconnects are
    asked for: a second socket would be a second conversation.
    """
    response = Element("Response")
    if carrier == "twilio":
        element = _add(
            _add(response, "Connect"),
            "Stream",
            url=socket_url,
            statusCallback=status_url,
            statusCallbackMethod=status_url and "POST",
        )
        for name, value in (parameters or {}).items():
            _add(element, "Parameter", name=name, value=value)
    else:
        _add(
            response,
            "Stream",
            socket_url,
            bidirectional="true",
            keepCallAlive="true",
            contentType=content_type,
            statusCallbackUrl=status_url,
            statusCallbackMethod=status_url and "POST",
        )
    return _written(response)


def dial(carrier: CarrierName, to: str, *, caller_id: str = "", timeout_s: int = 60, action_url: str = "") -> bytes:
    """Connect the caller to `to`, a number or a `sip:` or `sips:` address, ringing there for `timeout_s` at most.

    `action_url` is asked for the next document when it is over. `caller_id` must be a number that the account owns, or
    the caller's own where the carrier allows it.
    """
    response = Element("Response")
    dialled = _add(
        response,
        "Dial",
        callerId=caller_id,
        timeout=str(timeout_s),
        action=action_url,
        method=action_url and "POST",
    )
    sip = "Sip" if carrier == "twilio" else "User"
    _add(dialled, sip if to.lower().startswith(("sip:", "sips:")) else "Number", to)
    return _written(response)


def conference(carrier: CarrierName, name: str) -> bytes:
    """Let the call join whoever is in the conference `name`, which is over for all when one of them leaves.

    Vobiz sends away who is alone unless told otherwise, and nobody comes in at the very same time as another.
    """
    response = Element("Response")
    if carrier == "twilio":
        ways = {"beep": "false", "startConferenceOnEnter": "true", "endConferenceOnExit": "true"}
        _add(_add(response, "Dial"), "Conference", name, **ways)
    else:
        ways = {"startConferenceOnEnter": "true", "endConferenceOnExit": "true", "stayAlone": "true"}
        _add(response, "Conference", name, **ways)
    return _written(response)


def hang_up() -> bytes:
    """End the call."""
    response = Element("Response")
    _add(response, "Hangup")
    return _written(response)


def reject(carrier: CarrierName) -> bytes:
    """Do not answer a call that rings: its caller hears that the line is busy."""
    response = Element("Response")
    _add(response, "Reject" if carrier == "twilio" else "Hangup", reason="busy")
    return _written(response)


def speak(carrier: CarrierName, text: str, *, language: str = "") -> bytes:
    """Say `text` in the carrier's own voice, then end the call. `language` is as in en-US; the carrier's own if not
    given."""
    response = Element("Response")
    _add(response, "Say" if carrier == "twilio" else "Speak", text, language=language)
    _add(response, "Hangup")
    return _written(response)


def nothing() -> bytes:
    """For hooks that want no instructions."""
    return _written(Element("Response"))


def web_socket_url(url: str) -> str:
    """`wss://` for an `https://` address, `ws://` for an `http://` one."""
    return "ws" + url.removeprefix("http")


def _add(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """A child with those attributes that have a value. What XML cannot hold is left out of text and values."""
    filled = {name: _NOT_XML.sub("", value) for name, value in attributes.items() if value}
    child = SubElement(parent, tag, filled)
    child.text = _NOT_XML.sub("", text)[:_LONGEST_TEXT] or None
    return child


def _written(response: Element) -> bytes:
    document: bytes = tostring(response, encoding="utf-8", xml_declaration=True)
    return document
