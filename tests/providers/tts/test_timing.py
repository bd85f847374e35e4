import pytest

from offhook.providers.tts.base import WordTime
from offhook.providers.tts.timing import EstimatedWords, Pace, has_sound, spread, written_words

TEXT = "We open at eight, and we close at 17:30 on Sundays."


def told(words: EstimatedWords, lengths_ms: list[float]) -> list[WordTime]:
    return [word for length in lengths_ms for word in words.arrived(length)] + [*words.ended(lengths_ms[-1])]


def of_voice(letter_ms: float) -> Pace:
    pace = Pace()
    for _ in range(50):
        pace.learn(100, 100 * letter_ms)
    return pace


def test_words_are_where_they_are_written() -> None:
    assert [TEXT[word.start : word.end] for word in written_words(TEXT)] == TEXT.split()
    assert written_words("  \n") == []


def test_a_digit_is_a_word_and_a_comma_a_pause() -> None:
    plain, comma, number = (written_words(text)[0].letters for text in ("eight", "eight,", "17:30"))
    assert plain < comma < number


@pytest.mark.parametrize(
    "lengths", [[3_000.0], [100.0, 700.0, 1_500.0, 3_000.0], [float(n) for n in range(0, 3_001, 20)]]
)
@pytest.mark.parametrize("letter_ms", [30.0, 62.0, 120.0])
def test_every_word_is_told_once_and_in_order(lengths: list[float], letter_ms: float) -> None:
    times = told(EstimatedWords(TEXT, of_voice(letter_ms)), lengths)
    assert [TEXT[time.start : time.end] for time in times] == TEXT.split()
    edges = [edge for time in times for edge in (time.start_ms, time.end_ms)]
    assert edges == sorted(edges)
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(3_000)


def test_no_word_is_told_before_its_sound_is_there() -> None:
    words = EstimatedWords(TEXT, Pace())
    for length in range(0, 2_000, 50):
        assert all(time.end_ms <= length for time in words.arrived(length))


def test_a_voice_of_known_pace_is_told_as_it_speaks() -> None:
    """What arrives piece by piece is placed as if the whole had been known."""
    length = sum(word.letters for word in written_words(TEXT)) * 80
    known = list(spread(written_words(TEXT), 0, length))
    estimated = told(EstimatedWords(TEXT, of_voice(80)), [length / 4, length / 2, length])
    for time, truth in zip(estimated, known, strict=True):
        assert time.end_ms == pytest.approx(truth.end_ms, rel=0.01)


def test_the_last_word_lasts_to_the_end() -> None:
    words = EstimatedWords("Goodbye then.", Pace())
    assert [time.end for time in words.arrived(60_000)] == [7]
    assert [round(time.end_ms) for time in words.ended(60_000)] == [60_000]


def test_speed_is_no_property_of_the_voice() -> None:
    pace = of_voice(80)
    words = EstimatedWords(TEXT, pace, speed=2.0)
    words.ended(sum(word.letters for word in written_words(TEXT)) * 40)
    assert pace.letter_ms == pytest.approx(80, rel=0.01)
    assert len(EstimatedWords(TEXT, pace, speed=2.0).arrived(1_000)) > len(EstimatedWords(TEXT, pace).arrived(1_000))


def test_one_odd_clause_does_not_spoil_the_pace() -> None:
    pace = of_voice(60)
    pace.learn(10, 60_000)
    pace.learn(0, 100)
    pace.learn(10, 0)
    assert pace.letter_ms < 120


def test_nothing_said_nothing_told() -> None:
    assert EstimatedWords("", Pace()).ended(500) == ()
    assert [(time.start_ms, time.end_ms) for time in EstimatedWords("Hi.", Pace()).ended(0)] == [(0, 0)]


def test_what_has_sound() -> None:
    assert has_sound("…ok")
    assert has_sound("7")
    assert has_sound("你好")
    assert not any(map(has_sound, ("", " \n", "...", "🙂", "—")))
