"""One response of the double of OpenAI's Realtime API: what the brain says, spoken by the voice, event by event."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from offhook.audio.formats import AudioFormat
from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.openai_chat import ChatReply, ScriptedCall
from offhook.simulator.clouds.openai_entries import Entries, Entry
from offhook.simulator.clouds.serving import Refuse
from offhook.simulator.clouds.spoken import spoken

__all__ = ["Emit", "Responding", "Speaker"]

Emit = Callable[[Mapping[str, Any]], Awaitable[None]]
_DELTA_FRAMES = 5
_DELTA_CHARS = 7


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice that speaks `haste` times as fast as it is heard."""

    voice: Synthesizer
    haste: float


@dataclass(slots=True)
class Responding:
    """A response under way. `stopped` says why it is to end early."""

    id: str
    emit: Emit
    entries: Entries
    speaker: Speaker
    format: AudioFormat
    voice: str
    metadata: Mapping[str, Any] | None = None
    stopped: Literal["", "turn_detected", "client_cancelled"] = ""
    failure: Refuse | None = None
    usage: Mapping[str, Any] | None = None
    output: list[Entry] = field(default_factory=list)
    calls: int = 0

    @property
    def audio_ms(self) -> float:
        """How long it has spoken."""
        return sum(entry.audio_ms for entry in self.output)

    async def begin(self) -> None:
        """Tell that it begins."""
        await self.emit({"type": "response.created", "response": self._response("in_progress")})

    async def give(self, reply: ChatReply) -> None:
        """Say and call what the brain wants."""
        if isinstance(reply.fault, Refuse):
            self.failure = reply.fault
            return
        if reply.text.strip():
            await self._say(reply.text)
        for call in reply.tool_calls:
            if not self.stopped:
                await self._call(call)

    async def end(self, usage: Mapping[str, Any]) -> None:
        """Tell that it ended."""
        self.usage = usage
        status = "failed" if self.failure else "cancelled" if self.stopped else "completed"
        await self.emit({"type": "response.done", "response": self._response(status)})

    def _response(self, status: str) -> dict[str, Any]:
        output = {"format": self._format, "voice": self.voice}
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": self._details(status),
            "output": [entry.item for entry in self.output],
            "conversation_id": "conv_1",
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "audio": {"output": output},
            "usage": self.usage,
            "metadata": self.metadata,
        }

    def _details(self, status: str) -> dict[str, Any] | None:
        if self.failure:
            error = {"type": self.failure.type, "code": self.failure.code, "message": self.failure.message}
            return {"type": "failed", "error": error}
        return {"type": "cancelled", "reason": self.stopped} if status == "cancelled" else None

    @property
    def _format(self) -> dict[str, Any]:
        names = {"mulaw": {"type": "audio/pcmu"}, "alaw": {"type": "audio/pcma"}}
        return names.get(self.format.encoding, {"type": "audio/pcm", "rate": self.format.rate})

    async def _say(self, text: str) -> None:
        fixed = {"object": "realtime.item", "type": "message", "status": "in_progress", "role": "assistant"}
        entry = Entry({"id": self._item_id(), **fixed, "content": []}, text)
        await self._add(entry)
        part = {"type": "audio", "transcript": ""}
        await self._about(entry, "response.content_part.added", content_index=0, part=part)
        told = 0
        async with aclosing(spoken(self.speaker.voice, text, self.format)) as pieces:
            async for chunk, audio in pieces:
                if self.stopped:
                    break
                upto = max((word.end for word in chunk.words), default=told) if chunk else told
                if upto > told:
                    await self._text(entry, text[told:upto])
                    told = upto
                entry.words += chunk.words if chunk else ()
                await self._audio(entry, audio)
        entry.text = text[:told]
        await self._end_message(entry)

    async def _end_message(self, entry: Entry) -> None:
        entry.item["status"] = "incomplete" if self.stopped else "completed"
        entry.item["content"] = [{"type": "output_audio", "transcript": entry.text}]
        await self._about(entry, "response.output_audio.done", content_index=0)
        await self._about(entry, "response.output_audio_transcript.done", content_index=0, transcript=entry.text)
        part = {"type": "audio", "transcript": entry.text}
        await self._about(entry, "response.content_part.done", content_index=0, part=part)
        await self._done(entry)

    async def _call(self, call: ScriptedCall) -> None:
        self.calls += 1
        call_id = call.id or f"call_{self.id.removeprefix('resp_')}_{self.calls}"
        fixed = {"object": "realtime.item", "type": "function_call", "status": "in_progress"}
        item = {"id": self._item_id(), **fixed, "call_id": call_id, "name": call.name, "arguments": ""}
        entry = Entry(item)
        await self._add(entry)
        arguments = orjson.dumps(dict(call.arguments)).decode()
        for delta in re.findall(rf".{{1,{_DELTA_CHARS}}}", arguments):
            await self._about(entry, "response.function_call_arguments.delta", call_id=call_id, delta=delta)
        entry.item |= {"status": "completed", "arguments": arguments}
        entry.text = arguments
        whole = {"call_id": call_id, "name": call.name, "arguments": arguments}
        await self._about(entry, "response.function_call_arguments.done", **whole)
        await self._done(entry)

    async def _text(self, entry: Entry, delta: str) -> None:
        await self._about(entry, "response.output_audio_transcript.delta", content_index=0, delta=delta)

    async def _audio(self, entry: Entry, audio: bytes) -> None:
        size = _DELTA_FRAMES * self.format.frame_bytes
        for at in range(0, len(audio), size):
            if self.stopped:
                return
            piece = audio[at : at + size]
            ms = self.format.ms_in(len(piece))
            entry.audio_ms += ms
            delta = b64encode(piece).decode()
            await self._about(entry, "response.output_audio.delta", content_index=0, delta=delta)
            await asyncio.sleep(ms / 1000 / self.speaker.haste)

    async def _add(self, entry: Entry) -> None:
        before = self.entries.add(entry)
        self.output.append(entry)
        await self._about(entry, "response.output_item.added", item=dict(entry.item))
        await self.emit(
            {"type": "conversation.item.added", "item": dict(entry.item), "previous_item_id": before},
        )

    async def _done(self, entry: Entry) -> None:
        await self.emit({"type": "conversation.item.done", "item": dict(entry.item), "previous_item_id": None})
        await self._about(entry, "response.output_item.done", item=dict(entry.item))

    async def _about(self, entry: Entry, kind: str, **fields: Any) -> None:
        about: dict[str, Any] = {"response_id": self.id, "output_index": self.output.index(entry)}
        if "item" not in fields:
            about["item_id"] = entry.id
        await self.emit({"type": kind, **about, **fields})

    def _item_id(self) -> str:
        return f"item_{self.id}_{len(self.output) + 1}"
