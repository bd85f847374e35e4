"""The answers of a session of the double of Gemini's Live API: one at a time, each a turn of the model."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from offhook.audio.formats import PCM_24K
from offhook.simulator.clouds.gemini_setup import Closing, Setup
from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_chat import ChatReply, ScriptedCall
from offhook.simulator.clouds.serving import Refuse
from offhook.simulator.clouds.spoken import spoken

__all__ = ["Answering"]

_PIECE_BYTES = 5 * PCM_24K.frame_bytes
_TOKENS_S = 25
_NO_QUOTA = "You exceeded your current quota, please check your plan and billing details."
Emit = Callable[[Mapping[str, Any]], Awaitable[None]]


class Answering:
    """Answers `talk` by `emit`; `fail` is told what ends the session. The end of a turn waits until its sound may have
    been heard, `playback` times as long as that lasts."""

    def __init__(
        self, mind: Mind, setup: Setup, talk: Talk, emit: Emit, fail: Callable[[Closing], None], *, playback: float
    ) -> None:
        self.pending: dict[str, str] = {}
        """Functions whose results are waited for, by the id of the call."""
        self._mind = mind
        self._setup = setup
        self._talk = talk
        self._emit = emit
        self._fail = fail
        self._playback = playback
        self._calls = 0
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a turn of the model goes on."""
        return self._task is not None and not self._task.done()

    async def begin(self) -> None:
        """Answer now, in place of whatever is being said."""
        await self.interrupt()
        self._task = asyncio.create_task(self._run())

    async def interrupt(self) -> None:
        """The model falls silent, and what it waits for is called off."""
        task, self._task = self._task, None
        waited_for = [call_id for call_id, name in self.pending.items() if self._setup.waits_for(name)]
        if waited_for:
            for call_id in waited_for:
                del self.pending[call_id]
                self._talk.result(call_id, {"error": "cancelled"})
            await self._emit({"toolCallCancellation": {"ids": waited_for}})
        if task and not task.done():
            task.cancel()
            await asyncio.wait([task])
            await self._emit({"serverContent": {"interrupted": True}})
            await self._end(0.0)

    async def respond(self, responses: object) -> None:
        """Results of functions. Raises Closing."""
        for response in responses if isinstance(responses, list) else ():
            call_id = str(response.get("id") or "")
            if call_id not in self.pending or not isinstance(response.get("response"), dict):
                raise Closing("Request contains an invalid argument.")
            del self.pending[call_id]
            self._talk.result(call_id, response["response"])
            self._wanted |= response.get("scheduling") != "SILENT"
        if self._wanted and not self.pending:
            self._wanted = False
            before = self._task
            self._task = asyncio.create_task(self._run(before))

    async def close(self) -> None:
        """Stop at once."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, before: asyncio.Task[None] | None = None) -> None:
        if before:
            await asyncio.wait([before])
        reply = self._think()
        if isinstance(reply.fault, Refuse):
            self._fail(Closing(reply.fault.message, 1011))
            return
        await self._emit({"sessionResumptionUpdate": {"resumable": False}} if self._setup.resumes else {})
        spoken_ms = await self._say(reply.text) if reply.text.strip() else 0.0
        for call in reply.tool_calls:
            await self._call(call)
        if reply.tool_calls and any(self._setup.waits_for(call.name) for call in reply.tool_calls):
            return
        await self._emit({"serverContent": {"generationComplete": True}})
        await asyncio.sleep(spoken_ms / 1000 * self._playback)
        await self._end(spoken_ms)

    def _think(self) -> ChatReply:
        if self._mind.answers_left <= 0:
            return ChatReply(fault=Refuse(429, _NO_QUOTA))
        self._mind.answers_left -= 1
        return self._talk.reply(self._mind.brain, self._setup)

    async def _say(self, text: str) -> float:
        """Say `text`, and remember what was sent of it; gives how long it is."""
        told, ms = 0, 0.0
        try:
            async with aclosing(spoken(self._mind.voice, text, PCM_24K)) as pieces:
                async for chunk, audio in pieces:
                    upto = max((word.end for word in chunk.words), default=told) if chunk else told
                    for at in range(0, len(audio), _PIECE_BYTES):
                        ms += await self._sound(audio[at : at + _PIECE_BYTES])
                    if upto > told:
                        await self._emit({"serverContent": {"outputTranscription": {"text": text[told:upto]}}})
                        told = upto
        finally:
            if told:
                self._talk.say("assistant", text[:told])
        return ms

    async def _sound(self, audio: bytes) -> float:
        data = {"mimeType": "audio/pcm;rate=24000", "data": b64encode(audio).decode()}
        await self._emit({"serverContent": {"modelTurn": {"role": "model", "parts": [{"inlineData": data}]}}})
        ms = PCM_24K.ms_in(len(audio))
        await asyncio.sleep(ms / 1000 / self._mind.haste)
        return ms

    async def _call(self, call: ScriptedCall) -> None:
        self._calls += 1
        call_id = call.id or f"function-call-{self._calls}"
        self.pending[call_id] = call.name
        self._talk.call(call_id, call)
        made = {"id": call_id, "name": call.name, "args": dict(call.arguments)}
        await self._emit({"toolCall": {"functionCalls": [made]}})

    async def _end(self, spoken_ms: float) -> None:
        status = "REQUIRES_ACTION" if self.pending else "IDLE"
        modern = {"interactionStatus": status} if self._setup.modern else {}
        content = {"turnComplete": True, **modern}
        await self._emit({"serverContent": content, "usageMetadata": self._usage(spoken_ms)})

    def _usage(self, spoken_ms: float) -> dict[str, Any]:
        text, audio = self._talk.tokens, round(spoken_ms / 1000 * _TOKENS_S)
        return {
            "promptTokenCount": text,
            "responseTokenCount": audio,
            "totalTokenCount": text + audio,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": text}],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": audio}],
        }
