from pathlib import Path

from offhook.errors import ProviderError
from offhook.events import CallEnded, EndReason, UsageReported
from offhook.providers.usage import Usage
from tests.calls.rig import Ears, LongEars, Rig
from tests.calls.sessions import PaperProvider, SessionRig


def used(rig: Rig, stage: str) -> list[tuple[str, dict[str, float]]]:
    return [(event.provider, dict(event.used)) for event in rig.all(UsageReported) if event.stage == stage]


async def test_every_stage_of_a_call_tells_what_it_used(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["At eight in the morning."]).answer()
    await rig.until_quiet()
    await rig.speak("When do you open?")
    rig.brain.on_usage(Usage(text_in=20, text_out=5))
    await rig.until_quiet()
    rig.call.end(EndReason.AGENT_HUNG_UP)
    await rig.run(40)
    assert used(rig, "llm") == [("brain", {"text_in": 20, "text_out": 5})]
    assert used(rig, "tts") == [
        ("mouth", {"characters": len("Hello there."), "seconds": 0.4}),
        ("mouth", {"characters": len("At eight in the morning."), "seconds": 1.0}),
    ]
    assert used(rig, "stt") == [("ears", {"seconds": rig.ears.heard_s[0]})]
    assert used(rig, "carrier") == [("paper", {"seconds": rig.call.now_ms / 1000})]
    assert isinstance(rig.events[-1], CallEnded), "all is told before the end"


async def test_a_replaced_recogniser_is_counted_under_its_own_name(tmp_path: Path) -> None:
    first, second = LongEars("first"), Ears("second")
    second.texts.append("Hello.")
    rig = Rig(tmp_path, ears=[first, second]).answer()
    await rig.until_quiet()
    first.streams[0].events.on_usage(Usage(seconds=2.5))
    first.streams[0].events.on_failed(ProviderError("is down", provider="first"))
    await rig.speak("")
    assert [name for name, _ in used(rig, "stt")] == ["first", "second"]


async def test_words_of_a_sessions_caller_are_recognition_by_another_model(tmp_path: Path) -> None:
    provider = PaperProvider("openai")
    rig = await SessionRig(tmp_path, provider).greeted()
    provider.last.events.on_usage(Usage(seconds=1.5, transcribed_by="gpt-transcribe"))
    provider.last.events.on_usage(Usage(audio_out=20, estimated=True))
    provider.last.events.on_usage(Usage())
    assert [(event.stage, event.model, event.estimated) for event in rig.all(UsageReported)] == [
        ("stt", "gpt-transcribe", False),
        ("realtime", "", True),
    ]


async def test_a_call_that_is_wound_up_says_its_line_and_ends_for_that_reason(tmp_path: Path) -> None:
    rig = Rig(tmp_path).answer()
    await rig.until_quiet()
    rig.call.wind_up("That was enough.", EndReason.COST_LIMIT)
    rig.call.wind_up("Something else.", EndReason.MAX_DURATION)
    await rig.run(3_000)
    assert rig.said() == ["Hello there.", "That was enough."]
    assert rig.leg.closed == [EndReason.COST_LIMIT]
