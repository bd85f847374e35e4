"""Does what a document says, verb after verb."""

from collections.abc import Callable
from typing import assert_never
from urllib.parse import urlsplit

from offhook.simulator.clouds.media_stream.bridging import bridge, confer
from offhook.simulator.clouds.media_stream.call import CloudCall
from offhook.simulator.clouds.media_stream.callees import Callee
from offhook.simulator.clouds.media_stream.documents import Document
from offhook.simulator.clouds.media_stream.earpiece import prompt
from offhook.simulator.clouds.media_stream.endings import BUSY, DECLINED, END_OF_XML, HUNG_UP_BY_XML, Ending
from offhook.simulator.clouds.media_stream.orders import Goto, Hook
from offhook.simulator.clouds.media_stream.recording import record
from offhook.simulator.clouds.media_stream.streaming import stream_until_over
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

__all__ = ["Performer", "Phonebook", "play_file", "speak_text"]

Phonebook = Callable[[str], Callee]
"""Who answers a number."""

_Answered = Stream | Dial | Conference | Play | Speak | Record | Dtmf | Undone
"""What answers a call that rings."""
CHARACTER_S = 0.06
FILE_S = 1.0
FOR_EVER = 100


class Performer:
    """Performs one document of a call."""

    def __init__(self, call: CloudCall, phonebook: Phonebook):
        self._call = call
        self._phonebook = phonebook

    async def perform(self, document: Document) -> Goto | Ending:
        """Verb after verb, until one of them leads elsewhere; the end of the document ends the call."""
        for verb in document.verbs:
            if (leads := await self._do(verb)) is not None:
                return leads
        return END_OF_XML

    async def _do(self, verb: Verb) -> Goto | Ending | None:
        match verb:
            case Hangup():
                return await self._hang_up(verb)
            case Reject(reason):
                return self._refuse(reason)
            case Redirect(url, method):
                return Goto(Hook(url, method), "redirect", "Redirect")
            case Wait(length_s):
                await self._call.clock.sleep(length_s)
                return None
        self._call.answer()
        return await self._do_answered(verb)

    async def _do_answered(self, verb: _Answered) -> Goto | Ending | None:
        call = self._call
        match verb:
            case Stream():
                return await self._stream(verb)
            case Dial():
                return await bridge(call, verb, self._phonebook)
            case Conference():
                await confer(call, verb)
            case Record():
                return await record(call, verb)
            case Speak(text, loop):
                await call.clock.sleep(speak_text(call, text, loop))
            case Play(url, loop):
                await call.clock.sleep(play_file(call, url, loop))
            case Dtmf(digits):
                call.log.keys += digits
            case Undone(name):
                call.log.problems.append(f"the double does not perform <{name}>")
            case _:
                assert_never(verb)
        return None

    async def _hang_up(self, verb: Hangup) -> Ending | None:
        if verb.schedule_s:
            self._call.help(self._call.limit(verb.schedule_s))
            return None
        return self._refuse(verb.reason) if verb.reason and not self._call.up.is_set() else HUNG_UP_BY_XML

    def _refuse(self, reason: str) -> Ending:
        if self._call.up.is_set():
            return HUNG_UP_BY_XML
        return BUSY if reason == "busy" else DECLINED

    async def _stream(self, verb: Stream) -> Ending | None:
        if verb.impossible:
            self._call.log.problems.append(f"a bidirectional <Stream> with audioTrack {verb.track}")
            return END_OF_XML
        if urlsplit(verb.url).scheme == "ws" and not _is_local(verb.url):
            self._call.log.problems.append(f"{verb.url} is not encrypted")
        if verb.holds and verb.bidirectional:
            await stream_until_over(self._call, verb)
        else:
            self._call.help(stream_until_over(self._call, verb))
        return None


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def speak_text(call: CloudCall, text: str, loop: int = 1) -> float:
    """Let the person hear a tone that lasts as long as the text would; returns for how many seconds."""
    call.log.spoken.append(text)
    sound = prompt(CHARACTER_S * len(text)) * (loop or FOR_EVER)
    call.phone.ear.prompts.put(sound)
    return call.phone.ear.prompts.queued_ms / 1000


def play_file(call: CloudCall, url: str, loop: int = 1) -> float:
    """Let the person hear a tone in place of a file, which nobody fetches; returns for how many seconds."""
    call.log.played.append(url)
    call.phone.ear.prompts.put(prompt(FILE_S, 440.0) * (loop or FOR_EVER))
    return call.phone.ear.prompts.queued_ms / 1000
