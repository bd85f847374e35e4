from offhook.calls.engines.last_silence import LastSilence


def test_it_lasts_a_moment_and_begins_anew_with_every_sound() -> None:
    silence = LastSilence()
    assert not silence.over(0, quiet=True)
    assert not silence.over(220, quiet=True)
    assert not silence.over(240, quiet=False)
    assert not silence.over(260, quiet=True)
    assert not silence.over(480, quiet=True)
    assert silence.over(500, quiet=True)
