"""A speech-to-speech model without a model, for measuring what lies around it: it says what it hears.

Speaks as much of OpenAI's Realtime protocol as that needs, in mu-law. It runs in a process of its own, as
`python -m offhook.simulator.bench.realtime_echo`, and prints its port.
"""

import asyncio
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from offhook.simulator.bench.stamps import stamp_heard

__all__ = ["app", "echoed"]

FRAME_BYTES = 160
_RESPONSE = "resp_1"
_ITEM = "item_1"


def echoed(audio: bytes, now_ns: int) -> bytes:
    """`audio`, whose frames tell when they were heard where they ask for it."""
    heard = bytearray(audio)
    for at in range(0, len(heard), FRAME_BYTES):
        stamp_heard(heard, at, now_ns)
    return bytes(heard)


def app() -> web.Application:
    """Its one address."""
    application = web.Application()
    application.router.add_get("/v1/realtime", _realtime)
    application.router.add_get("/v1/models", _models)
    return application


async def _models(request: web.Request) -> web.Response:
    return web.json_response({"data": []})


async def _realtime(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(compress=False)
    await ws.prepare(request)
    await _send(ws, {"type": "session.created", "session": {}})
    talking = False
    async for message in ws:
        if message.type is not WSMsgType.TEXT:
            continue
        event = orjson.loads(message.data)
        if event["type"] == "input_audio_buffer.append":
            if talking:
                await _say(ws, echoed(b64decode(event["audio"]), time.monotonic_ns()))
        elif event["type"] == "session.update":
            await _send(ws, {"type": "session.updated", "session": event["session"]})
        elif event["type"] == "response.create":
            # One answer, which lasts as long as the call.
            talking = True
            metadata = event["response"].get("metadata")
            await _send(ws, {"type": "response.created", "response": {"id": _RESPONSE, "metadata": metadata}})
    return ws


async def _say(ws: web.WebSocketResponse, audio: bytes) -> None:
    delta = b64encode(audio).decode()
    about = {"response_id": _RESPONSE, "item_id": _ITEM, "output_index": 0, "content_index": 0}
    await _send(ws, {"type": "response.output_audio.delta", **about, "delta": delta})


async def _send(ws: web.WebSocketResponse, event: Mapping[str, Any]) -> None:
    if not ws.closed:
        await ws.send_str(orjson.dumps(event).decode())


async def _main() -> None:
    runner = web.AppRunner(app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    # Until nobody wants it any more: whoever started it closes its input.
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())
