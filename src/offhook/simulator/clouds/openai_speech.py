"""A double of /v1/audio/speech: it speaks with a voice of ours, checks requests as the original does, and fails on
demand."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.openai import bad_request
from offhook.simulator.clouds.openai_part import PostedPart
from offhook.simulator.clouds.serving import Fault, Refuse, fails
from offhook.simulator.speech import Speech, whole_speech

__all__ = ["SpeechDouble", "SpeechRequest"]

_LONGEST_INPUT = 4096
_VOICES = frozenset("alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar".split())
_WITHOUT_INSTRUCTIONS = ("tts-1", "tts-1-hd")


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A request as it came: the JSON body and the headers."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]


class SpeechDouble(PostedPart):
    """Speaks with `voice`, `lead_ms` of silence before and after, in pieces of `piece_bytes` which may split a sample.

    `faults` are used up one a request; `spoken` keeps what was said, with the true times of its words.
    """

    def __init__(
        self,
        voice: Synthesizer,
        *,
        api_key: str = "",
        piece_bytes: int = 4_801,
        lead_ms: int = 0,
        faults: Iterable[Fault | None] = (),
    ):
        super().__init__("/v1/audio/speech", api_key=api_key)
        self.requests: list[SpeechRequest] = []
        self.spoken: list[Speech] = []
        self._voice = voice
        self._piece = piece_bytes
        self._lead_ms = lead_ms
        self._faults = iter(faults)

    def _invalid(self, body: Mapping[str, Any]) -> Refuse | None:
        return _invalid(body)

    async def _answer(self, request: web.Request, body: Mapping[str, Any], number: int) -> web.StreamResponse:
        self.requests.append(SpeechRequest(body, dict(request.headers)))
        fault = next(self._faults, None)
        if failed := await self._failed(fault, number):
            return failed
        speech = await whole_speech(self._voice, body["input"], speed=float(body.get("speed", 1.0)))
        self.spoken.append(speech)
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm", "x-request-id": f"req_{number}"})
        await response.prepare(request)
        for sent, piece in enumerate(self._pieces(speech)):
            if await fails(fault, request, sent):
                return response
            await response.write(piece)
            # Each piece by itself on the wire, as a server sends what it has just made.
            await asyncio.sleep(0)
        return response

    def _pieces(self, speech: Speech) -> Iterator[bytes]:
        quiet = bytes(2 * (speech.rate * self._lead_ms // 1000))
        pcm = quiet + speech.samples.tobytes() + quiet
        for start in range(0, len(pcm), self._piece):
            yield pcm[start : start + self._piece]


def _invalid(body: Mapping[str, Any]) -> Refuse | None:
    for name in ("model", "input", "voice"):
        if not body.get(name):
            return bad_request(f"Missing required parameter: '{name}'.", name)
    return next(_wrong_values(body), None)


def _wrong_values(body: Mapping[str, Any]) -> Iterator[Refuse]:
    if len(body["input"]) > _LONGEST_INPUT:
        yield bad_request("Input should have at most 4096 characters.", "input", "string_above_max_length")
    if body["voice"] not in _VOICES:
        yield bad_request(f"Unknown voice '{body['voice']}'.", "voice", "invalid_value")
    if not 0.25 <= body.get("speed", 1.0) <= 4.0:
        yield bad_request("speed is from 0.25 to 4.0.", "speed", "decimal_out_of_range")
    if body.get("response_format", "mp3") != "pcm":
        yield bad_request("This double speaks pcm only.", "response_format", "invalid_value")
    if body.get("instructions") and body["model"] in _WITHOUT_INSTRUCTIONS:
        yield bad_request("This model takes no instructions.", "instructions", "unsupported_parameter")
