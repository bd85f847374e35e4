from offhook.calls.engines.stopwatch import Stopwatch
from offhook.events import TurnMeasured


def test_a_turn_is_measured_from_the_end_of_speech() -> None:
    watch = Stopwatch()
    watch.transcribed(1_300)
    watch.turn_ended(1_000, 1_500)
    watch.first_text(1_510)
    watch.first_text(1_900)
    assert watch.first_audio("c", 1_540) == TurnMeasured(
        "c",
        1_540,
        end_of_speech_ms=1_000,
        transcript_ms=300,
        endpoint_ms=500,
        first_text_ms=510,
        tts_ms=30,
        first_audio_ms=540,
    )
    assert watch.first_audio("c", 3_000) is None


def test_sound_that_answers_no_turn_is_not_measured() -> None:
    watch = Stopwatch()
    assert watch.first_audio("c", 20) is None
    watch.turn_ended(1_000, 1_500)
    assert watch.first_audio("c", 1_520) is None
