from offhook.providers.realtime.base import Usage


def test_usage_adds_up_kind_by_kind() -> None:
    total = Usage(text_in=1, audio_in=20, seconds=1.5) + Usage(text_in=2, audio_out=30, audio_cached=4, seconds=0.5)
    assert total == Usage(text_in=3, audio_in=20, audio_cached=4, audio_out=30, seconds=2.0)
    assert sum([Usage(characters=3), Usage(characters=4)], Usage()).characters == 7
