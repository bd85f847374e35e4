from offhook.config import RealtimeSettings
from offhook.providers.realtime.base import TurnDetection, Usage, turns_of


def test_usage_adds_up_kind_by_kind() -> None:
    total = Usage(text_in=1, audio_in=20, seconds=1.5) + Usage(text_in=2, audio_out=30, audio_cached=4, seconds=0.5)
    assert total == Usage(text_in=3, audio_in=20, audio_cached=4, audio_out=30, seconds=2.0)
    assert sum([Usage(characters=3), Usage(characters=4)], Usage()).characters == 7


def test_turns_are_told_as_the_table_wants_it() -> None:
    table = RealtimeSettings(turn_detection="semantic_vad", eagerness="low", silence_ms=700, threshold=0.6)
    wanted = TurnDetection(
        "semantic_vad", threshold=0.6, prefix_padding_ms=300, silence_ms=700, eagerness="low", answers=True
    )
    assert turns_of(table) == wanted
