import asyncio

from offhook.audio.formats import PCM_16K
from offhook.audio.levels import peak
from offhook.simulator.clouds.openai_live_voice import LiveVoice
from offhook.simulator.tone_voice import ToneVoice
from tests.simulator.clouds.waiting import until

SILENCE = bytes(3_200)


def voice() -> tuple[LiveVoice, list[str]]:
    said: list[str] = []
    return LiveVoice(ToneVoice(), PCM_16K, said.append), said


async def all_of(speaker: LiveVoice) -> tuple[bytes, str]:
    """What is said until nothing is left."""
    audio, words = b"", ""
    while speaker.speaking:
        piece, begun = speaker.next()
        audio, words = audio + piece, words + begun
        assert len(piece) == len(SILENCE)
        await asyncio.sleep(0)
    return audio, words


async def test_who_says_nothing_is_silent() -> None:
    speaker, said = voice()
    speaker.say(" ")
    assert not speaker.speaking
    assert speaker.next() == (SILENCE, "")
    assert not said


async def test_lines_are_said_one_after_the_other() -> None:
    speaker, said = voice()
    speaker.say("Good evening.")
    speaker.say("How are you?", noted=True)
    speaker.say("Well.")
    await until(lambda: speaker.next()[1] == "Good")
    audio, words = await all_of(speaker)
    assert peak(audio) > 1_000
    assert words == " evening.How are you?Well."
    assert said == ["Good evening.", "Well."]


async def test_who_is_hushed_has_said_what_was_heard() -> None:
    speaker, said = voice()
    speaker.say("Good evening.")
    await until(lambda: speaker.next()[1] == "Good")
    await speaker.hush()
    assert speaker.next() == (SILENCE, "")
    assert said == ["Good"]
    assert not speaker.speaking
