from offhook.simulator.clouds.media_stream.playback import FRAME_BYTES, Playback

LOUD = b"\1\2"


def test_sound_is_played_in_order_a_frame_at_a_time() -> None:
    playback = Playback()
    playback.put(LOUD * 80)
    playback.put(LOUD * 240)
    assert playback.queued_ms == 40
    assert playback.tick() == (LOUD * 160, [])
    assert playback.queued_ms == 20
    assert playback.played_ms == 0
    assert playback.tick() == (LOUD * 160, [])
    assert playback.tick() == (None, [])
    assert playback.played_ms == 40


def test_a_frame_that_is_not_full_is_made_up_with_silence() -> None:
    playback = Playback()
    playback.put(LOUD * 10)
    assert playback.tick() == (LOUD * 10 + bytes(FRAME_BYTES - 20), [])


def test_a_mark_is_reached_when_what_came_before_it_was_played() -> None:
    playback = Playback()
    playback.put(LOUD * 160)
    playback.mark("one")
    playback.put(LOUD * 160)
    playback.mark("two")
    assert playback.tick()[1] == []
    assert playback.tick()[1] == ["one"]
    assert playback.tick() == (None, ["two"])


def test_a_mark_with_nothing_before_it_is_reached_at_once() -> None:
    playback = Playback()
    playback.mark("now")
    assert playback.tick() == (None, ["now"])


def test_a_mark_within_a_frame_is_reached_at_its_end() -> None:
    playback = Playback()
    playback.put(LOUD * 80)
    playback.mark("middle")
    playback.put(LOUD * 80)
    assert playback.tick()[1] == []
    assert playback.tick() == (None, ["middle"])


def test_clearing_drops_sound_and_hands_back_marks() -> None:
    playback = Playback()
    playback.put(LOUD * 480)
    playback.mark("one")
    playback.put(LOUD * 160)
    playback.mark("two")
    playback.tick()
    assert playback.clear() == ["one", "two"]
    assert playback.queued_ms == 0
    assert playback.tick() == (None, [])
    playback.put(LOUD * 160)
    playback.mark("three")
    assert playback.tick() == (LOUD * 160, [])
    assert playback.tick() == (None, ["three"])
