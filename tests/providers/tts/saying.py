"""What tests of voices in the cloud share: a sentence, and how to look at what was said."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from offhook.audio.formats import MULAW_8K, AudioFormat
from offhook.providers.tts.base import SpeechChunk, Synthesizer, WordTime
from offhook.simulator.clouds.serving import serving

__all__ = ["TEXT", "answering", "audio_of", "said", "words_of"]

TEXT = "We open at nine, and on Sundays we are closed."


async def said(
    voice: Synthesizer, text: str = TEXT, leg: AudioFormat = MULAW_8K, *, speed: float = 1.0
) -> list[SpeechChunk]:
    """Everything the voice says to a leg."""
    return [chunk async for chunk in voice.synthesize(text, format=leg, speed=speed)]


def audio_of(chunks: Iterable[SpeechChunk]) -> bytes:
    """The sound of chunks."""
    return b"".join(chunk.audio for chunk in chunks)


def words_of(chunks: Iterable[SpeechChunk]) -> list[WordTime]:
    """The words of chunks."""
    return [word for chunk in chunks for word in chunk.words]


@asynccontextmanager
async def answering(answer: web.Response) -> AsyncIterator[str]:
    """The address of a server that says the same whatever it is asked."""

    async def speak(request: web.Request) -> Any:
        return answer

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", speak)
    async with serving(app) as address:
        yield address
