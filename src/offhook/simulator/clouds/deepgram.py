"""A double of Deepgram's streaming recognisers, /v1/listen and /v2/listen, that checks clients as strictly."""

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import orjson
from aiohttp import WSMsgType, web

from offhook.audio.formats import AudioFormat, Encoding
from offhook.errors import AudioError
from offhook.simulator.clouds.deepgram_flux import FluxSession
from offhook.simulator.clouds.deepgram_listen import ListenSession
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.lines import Fault, Faults, Framer, Line, accept
from offhook.simulator.clouds.openai import json_body
from offhook.simulator.clouds.serving import Refuse, serving

__all__ = ["DeepgramDouble"]

_ENCODINGS = {"linear16": Encoding.PCM16, "mulaw": Encoding.MULAW, "alaw": Encoding.ALAW}
_NO_AUDIO = b"NET-0001: no audio and no message came within the time limit"
_Message = Mapping[str, Any]


class _Session(Protocol):
    """One stream: messages in, messages out. `Hangup` ends it."""

    def opening(self) -> list[dict[str, Any]]: ...
    async def audio(self, frame: bytes) -> list[dict[str, Any]]: ...
    async def text(self, message: _Message) -> list[dict[str, Any]]: ...
    async def finish(self) -> list[dict[str, Any]]: ...


class DeepgramDouble:
    """Hears with `ears`. `faults` go wrong one a connection; a connection idle for `idle_s` is closed."""

    def __init__(
        self, ears: EarFactory, *, api_key: str = "", faults: Iterable[Fault | None] = (), idle_s: float = 10.0
    ) -> None:
        self.lines: list[Line] = []
        self.flux_word_times = False
        self._ears = ears
        self._key = api_key
        self._faults = Faults(faults)
        self._idle_s = idle_s
        self._numbers = itertools.count(1)

    def app(self) -> web.Application:
        """The API, to be served by whoever calls."""
        app = web.Application()
        app.router.add_get("/v1/listen", self._listen)
        app.router.add_get("/v2/listen", self._listen)
        return app

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine; gives the base URL."""
        async with serving(self.app()) as url:
            yield url

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        request_id = f"00000000-0000-4000-8000-{next(self._numbers):012}"
        fault = await self._faults.next()
        refusal = fault if isinstance(fault, Refuse) else self._refusal(request)
        if refusal:
            return _refused(refusal, request_id)
        line = await accept(request, fault, {"dg-request-id": request_id})
        self.lines.append(line)
        try:
            await self._converse(line, self._session(request, request_id), Framer(_format(request)))
        finally:
            line.closed = True
        return line.socket

    def _session(self, request: web.Request, request_id: str) -> _Session:
        ear = self._ears(_format(request), request.query.get("language", "en"))
        if request.path == "/v2/listen":
            return FluxSession(request.query, ear, request_id, word_times=self.flux_word_times)
        return ListenSession(request.query, ear, request_id)

    async def _converse(self, line: Line, session: _Session, framer: Framer) -> None:
        for message in session.opening():
            await line.send(message)
        while True:
            try:
                came = await line.receive(self._idle_s)
            except TimeoutError:
                await line.socket.close(code=1011, message=_NO_AUDIO)
                return
            if came.type is WSMsgType.BINARY and came.data:
                line.audio += came.data
                await _hear(line, session, framer.cut(came.data))
            elif came.type is WSMsgType.TEXT and not _is_farewell(came.data):
                await _answer(line, session, came.data)
            else:
                await _finish(line, session, came.type in (WSMsgType.BINARY, WSMsgType.TEXT))
                return

    def _refusal(self, request: web.Request) -> Refuse | None:
        given = request.headers.get("Authorization", "")
        if self._key and given not in (f"Token {self._key}", f"Bearer {self._key}"):
            return Refuse(401, "Invalid credentials.")
        problem = _wrong_query(request.query, flux=request.path == "/v2/listen")
        return Refuse(400, problem) if problem else None


async def _hear(line: Line, session: _Session, frames: list[bytes]) -> None:
    for frame in frames:
        for message in await session.audio(frame):
            await line.send(message)


async def _answer(line: Line, session: _Session, data: str) -> None:
    message = json_body(data.encode())
    line.texts.append(message)
    for answer in await session.text(message):
        await line.send(answer)
        if answer["type"] == "Error":
            await line.socket.close(code=1008, message=b"DATA-0000")


async def _finish(line: Line, session: _Session, asked: bool) -> None:
    if asked:
        for message in await session.finish():
            await line.send(message)
        await line.socket.close(code=1000)


def _is_farewell(data: str) -> bool:
    return json_body(data.encode()).get("type") == "CloseStream"


def _format(request: web.Request) -> AudioFormat:
    return AudioFormat(_ENCODINGS[request.query["encoding"]], int(request.query["sample_rate"]))


def _wrong_query(query: Mapping[str, str], *, flux: bool) -> str:
    model = query.get("model", "")
    if not model.startswith("flux-general-" if flux else "nova-"):
        return f"No such model/language/tier combination found: {model}"
    if query.get("encoding") not in _ENCODINGS:
        return "encoding is missing or not one this double knows"
    try:
        AudioFormat(Encoding.PCM16, int(query.get("sample_rate", "0")))
    except (ValueError, AudioError):
        return "sample_rate is missing or not one this double knows"
    return _wrong_thresholds(query) if flux else _wrong_features(query)


def _wrong_features(query: Mapping[str, str]) -> str:
    if "utterance_end_ms" in query:
        if query.get("interim_results") != "true":
            return "utterance_end_ms needs interim_results"
        if int(query["utterance_end_ms"]) < 1000:
            return "utterance_end_ms must be at least 1000"
    if "keyterm" in query and not query["model"].startswith("nova-3"):
        return "keyterm needs nova-3"
    if "keywords" in query and query["model"].startswith("nova-3"):
        return "keywords are not supported by nova-3: use keyterm"
    return ""


def _wrong_thresholds(query: Mapping[str, str]) -> str:
    bounds = (("eot_threshold", 0.5, 1.0), ("eager_eot_threshold", 0.3, 0.9), ("eot_timeout_ms", 500, 60_000))
    for name, least, most in bounds:
        if name in query and not least <= float(query[name]) <= most:
            return f"{name} must be from {least} to {most}"
    return "language_hint needs flux-general-multi" if _is_hinted_in_english(query) else ""


def _is_hinted_in_english(query: Mapping[str, str]) -> bool:
    return "language_hint" in query and query["model"] != "flux-general-multi"


def _refused(refusal: Refuse, request_id: str) -> web.Response:
    headers = {"dg-request-id": request_id, "dg-error": refusal.message}
    body = {"err_code": "REFUSED", "err_msg": refusal.message, "request_id": request_id}
    return web.Response(
        body=orjson.dumps(body), status=refusal.status, headers=headers, content_type="application/json"
    )
