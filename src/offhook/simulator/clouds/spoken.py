"""Speech of the doubles' sessions: as it is made, in the format of the session, with the words that end in it."""

from collections.abc import AsyncGenerator

from offhook.audio.convert import converter
from offhook.audio.formats import AudioFormat
from offhook.providers.tts.base import SpeechChunk, Synthesizer
from offhook.simulator.clouds.lines import Framer

__all__ = ["spoken"]


async def spoken(
    voice: Synthesizer,
    text: str,
    format: AudioFormat,  # noqa: A002
) -> AsyncGenerator[tuple[SpeechChunk | None, bytes]]:
    """Pieces of speech, each with the chunk it is of; without one for what is left at the end."""
    framer, convert = None, None
    async for chunk in voice.synthesize(text, format=format):
        if framer is None or convert is None:
            framer, convert = Framer(chunk.format), converter(chunk.format, format)
        whole = b"".join(framer.cut(chunk.audio))
        yield chunk, convert(whole) if whole else b""
    if framer is not None and convert is not None and (rest := framer.rest()):
        yield None, convert(rest)
