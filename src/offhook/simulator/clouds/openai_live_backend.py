"""The model behind the voice of the double of OpenAI's Live API: a chain of responses, with calls of functions."""

import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import orjson

from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.openai_chat import ChatReply, ScriptedCall
from offhook.simulator.clouds.openai_live_start import LiveStart, Refused
from offhook.simulator.clouds.serving import Refuse

__all__ = ["Emit", "LiveWork"]

Emit = Callable[[Mapping[str, Any]], Awaitable[None]]
_MOST_ITEMS, _MOST_BYTES = 128, 32_768


class Say(Protocol):
    """How the voice is told to speak."""

    def __call__(self, text: str, *, noted: bool = False) -> None:
        """Say `text`; `noted` if it is known that it was said."""
        ...


class LiveWork:
    """Answers `talk` with what `think` gives. `say` says the text of an answer; one with calls waits for results."""

    def __init__(
        self,
        start: LiveStart,
        talk: Talk,
        emit: Emit,
        *,
        think: Callable[[], ChatReply],
        say: Say,
        clock: Callable[[], int],
    ) -> None:
        self.pending: set[str] = set()
        """Calls whose results are waited for."""
        self._start = start
        self._talk = talk
        self._emit = emit
        self._think = think
        self._say = say
        self._clock = clock
        self._numbers = itertools.count(1)
        self._delegation = ""
        self._items = self._bytes = 0

    async def answer(self, *, directed: bool = False) -> None:
        """The voice answers by itself, or delegates what takes functions. While results are waited for, what the
        caller says waits too. Raises Refused."""
        if self.pending and not directed:
            return
        reply = self._think()
        if isinstance(reply.fault, Refuse):
            await self._delegate()
            await self._fail(reply.fault)
        elif reply.tool_calls:
            await self._delegate()
            await self._respond(reply)
        else:
            self._say(reply.text)

    async def item(self, event: Mapping[str, Any]) -> None:
        """The client adds to what the backend knows. Raises Refused."""
        self._check()
        item = event.get("item")
        if not isinstance(item, dict):
            raise Refused("missing_required_parameter", "Missing required parameter: 'item'.", "item")
        self._items += 1
        self._bytes += len(orjson.dumps(item))
        if self._items > _MOST_ITEMS or self._bytes > _MOST_BYTES:
            raise Refused("response_input_buffer_full", "Limited to 128 items and 32768 UTF-8 bytes per session.")
        if item.get("type") == "function_call_output":
            call_id = str(item.get("call_id"))
            if call_id not in self.pending:
                raise Refused("invalid_value", f"No tool call with call_id '{call_id}'.", "item.call_id")
            self.pending.discard(call_id)
            self._talk.result(call_id, _parsed(item.get("output")))
        elif item.get("type") == "message":
            self._talk.say("user", " ".join(str(part.get("text")) for part in item.get("content") or ()))
        else:
            raise Refused("invalid_value", "Invalid item.", "item.type")

    async def create(self, event: Mapping[str, Any]) -> None:
        """Go on. Raises Refused."""
        self._check()
        if self.pending:
            raise Refused(
                "function_call_outputs_required", f"Submit the pending function call outputs: {sorted(self.pending)}."
            )
        reply = self._think()
        self._delegation = self._delegation or f"dlg_{next(self._numbers)}"
        if isinstance(reply.fault, Refuse):
            await self._fail(reply.fault)
        else:
            await self._respond(reply)

    def _check(self) -> None:
        if self._start.delegates != "responses":
            raise Refused("invalid_value", "This command requires Responses delegation.", "type")

    async def _delegate(self) -> None:
        self._delegation = f"dlg_{next(self._numbers)}"
        made = {"id": self._delegation, "target": self._start.delegates, "type": "delegation"}
        await self._emit({"type": "session.delegation.created", "delegation": made, "offset_ms": self._clock()})

    async def _respond(self, reply: ChatReply) -> None:
        response_id = f"resp_{next(self._numbers)}"
        await self._tell("response.created", response=self._response(response_id, "in_progress"))
        noted = bool(reply.tool_calls and reply.text.strip())
        if noted:
            # Before its calls, though it is heard meanwhile.
            self._talk.say("assistant", reply.text)
        for index, call in enumerate(reply.tool_calls):
            await self._call(call, index)
        if reply.text.strip():
            content = [{"type": "output_text", "text": reply.text, "annotations": []}]
            message = {"id": f"msg_{response_id}", "type": "message", "role": "assistant", "status": "completed"}
            index = len(reply.tool_calls)
            await self._tell("response.output_item.done", item={**message, "content": content}, output_index=index)
        await self._tell("response.completed", response=self._response(response_id, "completed"))
        self._say(reply.text, noted=noted)

    async def _call(self, call: ScriptedCall, index: int) -> None:
        call_id = call.id or f"call_{next(self._numbers)}"
        self.pending.add(call_id)
        self._talk.call(call_id, call)
        arguments = orjson.dumps(dict(call.arguments)).decode()
        item = {"id": f"fc_{call_id}", "type": "function_call", "call_id": call_id, "name": call.name}
        begun = {**item, "arguments": "", "status": "in_progress"}
        await self._tell("response.output_item.added", item=begun, output_index=index)
        done = {**item, "arguments": arguments, "status": "completed"}
        await self._tell("response.output_item.done", item=done, output_index=index)

    async def _fail(self, refusal: Refuse) -> None:
        response_id = f"resp_{next(self._numbers)}"
        await self._tell("response.created", response=self._response(response_id, "in_progress"))
        error = {"code": refusal.code or "server_error", "message": refusal.message}
        await self._tell("response.failed", response=self._response(response_id, "failed") | {"error": error})

    def _response(self, response_id: str, status: str) -> dict[str, Any]:
        used = {"input_tokens": self._talk.tokens, "output_tokens": 10, "total_tokens": self._talk.tokens + 10}
        details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        made = {"id": response_id, "object": "response", "status": status, "model": self._start.backend.get("model")}
        return {**made, "output": [], **({"usage": used | details} if status == "completed" else {})}

    async def _tell(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        await self._emit({"type": "response.event", "delegation_id": self._delegation, "event": event})


def _parsed(output: object) -> object:
    try:
        return orjson.loads(str(output))
    except orjson.JSONDecodeError:
        return output
