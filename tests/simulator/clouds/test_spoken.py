from contextlib import aclosing

from offhook.audio.formats import MULAW_8K, PCM_24K
from offhook.simulator.clouds.spoken import spoken
from offhook.simulator.tone_voice import ToneVoice


async def test_speech_comes_in_the_format_of_the_session_with_its_words() -> None:
    lengths = []
    for format in (PCM_24K, MULAW_8K):  # noqa: A001 - the name of the argument
        async with aclosing(spoken(ToneVoice(), "Good morning.", format)) as pieces:
            found = [piece async for piece in pieces]
        words = [word for chunk, _ in found if chunk for word in chunk.words]
        assert max(word.end for word in words) == len("Good morning.")
        audio = b"".join(sound for _, sound in found)
        assert len(audio) % format.frame_bytes == 0
        lengths.append(format.ms_in(len(audio)))
    assert abs(lengths[0] - lengths[1]) <= 20
    assert lengths[0] > 300
