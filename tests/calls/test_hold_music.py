import numpy as np

from offhook.audio.formats import FRAME_MS, MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.audio.melody import Melody
from offhook.calls.hold_music import HoldMusic
from offhook.calls.playout import Playout
from offhook.calls.track import Track

RAMP = Melody(PCM_8K, np.arange(8_000 * 3, dtype="<i2").tobytes())


class Line:
    """A playout whose beats the test counts."""

    def __init__(self, melody: Melody = RAMP, audio_format: AudioFormat = PCM_8K) -> None:
        self.sent: list[bytes] = []
        self.playout = Playout(audio_format, send=self.sent.append, on_finished=self._finished)
        self.over = 0
        self.music = HoldMusic(melody, self.playout)

    def _finished(self, track: Track) -> None:
        self.over += self.music.owns(track)
        self.music.finished(track)
        assert not self.music.owns(track)

    def run(self, ms: int) -> None:
        for _ in range(ms // FRAME_MS):
            self.music.tick()
            self.playout.tick(live=True)

    @property
    def samples(self) -> list[int]:
        heard: list[int] = np.frombuffer(b"".join(self.sent), "<i2").tolist()
        return heard


def test_it_plays_on_over_its_end_and_keeps_little() -> None:
    line = Line()
    line.music.start()
    longest = 0
    for _ in range(200):
        line.run(20)
        track = line.playout.current
        assert track is not None
        longest = max(longest, len(track.audio))
    assert line.samples == [*range(24_000), *range(8_000)]
    assert longest <= PCM_8K.bytes_in(2_020)
    assert line.playout.underruns == 0


def test_it_fades_out_and_goes_on_where_it_stopped() -> None:
    line = Line(Melody(PCM_8K, b"\xe8\x03" * 8_000))
    line.music.start()
    line.run(500)
    line.music.stop()
    line.music.stop()
    line.run(400)
    heard = line.samples
    assert heard[:4_000] == [1_000] * 4_000
    fading = heard[4_000:4_800]
    assert fading == sorted(fading, reverse=True)
    assert heard[4_799:] == [0] * (len(heard) - 4_799)
    assert line.over == 1
    line.music.start()
    line.run(20)
    assert line.samples[-1] == 1_000


def test_it_waits_for_what_is_being_said() -> None:
    line = Line()
    words = line.playout.begin()
    words.append(b"\7\0" * 800)
    line.music.start()
    line.run(100)
    words.finish()
    line.run(100)
    assert line.samples == [*([7] * 800), *range(800)]
    assert not line.music.owns(words)


def test_it_is_made_into_what_the_line_speaks() -> None:
    line = Line(Melody(PCM_16K, b"\xe8\x03" * 16_000), MULAW_8K)
    line.music.start()
    line.run(40)
    assert {len(frame) for frame in line.sent} == {160}


def test_it_begins_again_where_everything_was_dropped() -> None:
    line = Line()
    line.music.start()
    line.run(100)
    dropped = line.playout.flush()
    assert dropped is not None
    line.run(100)
    assert line.samples == [*range(800), *range(16_000, 16_800)]
    assert not line.music.owns(dropped)
    line.music.stop()
    line.run(400)
    assert not line.playout.active
