import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.calls.answering_machine import MachineDetector, MachineTiming, Sign

CHUNK_MS = 32


def listen(*spans: tuple[str, int], detector: MachineDetector | None = None) -> list[tuple[Sign, int]]:
    """What a detector says, and when, of spans of "voice" and "silence" in ms."""
    detector = detector or MachineDetector()
    signs: list[tuple[Sign, int]] = []
    end = now = 0
    for kind, ms in spans:
        end += ms
        while now + CHUNK_MS <= end:
            now += CHUNK_MS
            sign = detector.feed(0.9 if kind == "voice" else 0.1, now)
            if sign is not None:
                signs.append((sign, now))
    return signs


def test_a_short_greeting_and_a_pause_is_a_human() -> None:
    [(sign, at_ms)] = listen(("silence", 600), ("voice", 500), ("silence", 3_000), ("voice", 5_000))
    assert sign == "human"
    assert at_ms == pytest.approx(600 + 500 + 800, abs=2 * CHUNK_MS)


def test_one_who_asks_again_within_the_pause_is_still_a_human() -> None:
    signs = listen(("voice", 400), ("silence", 600), ("voice", 400), ("silence", 900))
    assert [sign for sign, _ in signs] == ["human"]


def test_a_greeting_that_goes_on_is_a_machine() -> None:
    [(sign, at_ms)] = listen(("silence", 500), ("voice", 3_000))
    assert sign == "machine"
    assert at_ms == pytest.approx(500 + 1_500, abs=2 * CHUNK_MS)


def test_sentences_with_short_pauses_add_up_to_a_machine() -> None:
    signs = listen(("voice", 900), ("silence", 400), ("voice", 900), ("silence", 400))
    assert [sign for sign, _ in signs] == ["machine"]


def test_words_without_a_pause_for_too_long_are_a_machine_however_few() -> None:
    detector = MachineDetector(MachineTiming(maximum_speech_ms=2_000))
    [(sign, at_ms)] = listen(*[("voice", 200), ("silence", 500)] * 4, detector=detector)
    assert sign == "machine"
    assert at_ms == pytest.approx(2_100, abs=CHUNK_MS)


def test_nobody_is_silence() -> None:
    [(sign, at_ms)] = listen(("silence", 9_000))
    assert sign == "silence"
    assert at_ms == pytest.approx(4_500, abs=CHUNK_MS)


def test_clicks_are_no_greeting() -> None:
    signs = listen(*[("voice", 64), ("silence", 900)] * 6)
    assert [sign for sign, _ in signs] == ["silence"]


def test_one_who_answers_at_the_very_end_is_a_human() -> None:
    [(sign, at_ms)] = listen(("silence", 4_400), ("voice", 2_000))
    assert sign == "human"
    assert at_ms == pytest.approx(5_000, abs=CHUNK_MS)


def test_a_click_at_the_very_end_is_silence() -> None:
    [(sign, at_ms)] = listen(("silence", 4_450), ("voice", 64), ("silence", 2_000))
    assert sign == "silence"
    assert at_ms == pytest.approx(5_000, abs=CHUNK_MS)


def test_the_message_of_a_machine_is_over_after_its_silence() -> None:
    message = [("voice", 3_000), ("silence", 1_500), ("voice", 1_000), ("silence", 900), ("voice", 300)]
    signs = listen(*message, ("silence", 6_000), ("voice", 500), ("silence", 3_000))
    assert [sign for sign, _ in signs] == ["machine", "end_of_message"]
    assert signs[1][1] == pytest.approx(sum(ms for _, ms in message) + 2_000, abs=2 * CHUNK_MS)


def test_audio_that_was_taken_already_counts_nothing() -> None:
    detector = MachineDetector()
    assert [detector.feed(0.9, 32) for _ in range(100)] == [None] * 100
    assert detector.feed(0.9, -5) is None
    assert detector.verdict is None


TIMINGS = st.builds(
    MachineTiming,
    initial_silence_ms=st.integers(2_000, 10_000),
    greeting_ms=st.integers(1_000, 5_000),
    maximum_speech_ms=st.integers(1_000, 6_000),
    total_ms=st.integers(2_000, 10_000),
    pause_ms=st.integers(200, 2_000),
)
CHUNKS = st.lists(st.tuples(st.floats(0, 1), st.integers(1, 1_500)), max_size=200)


@given(TIMINGS, CHUNKS)
def test_there_is_one_verdict_by_the_limit_whatever_is_heard(
    timing: MachineTiming, chunks: list[tuple[float, int]]
) -> None:
    detector = MachineDetector(timing)
    signs: list[Sign] = []
    now = 0
    for probability, ms in [*chunks, (0.0, timing.total_ms)]:
        now += ms
        sign = detector.feed(probability, now)
        signs += [sign] if sign is not None else []
        if now >= timing.total_ms:
            assert detector.verdict is not None
    assert signs[0] == detector.verdict
    assert signs[1:] in ([], ["end_of_message"] if signs[0] == "machine" else [])


@given(st.lists(st.tuples(st.sampled_from(["voice", "silence"]), st.integers(0, 3_000)), max_size=20))
def test_a_machine_is_told_the_end_of_its_message_however_long_it_was(spans: list[tuple[str, int]]) -> None:
    signs = listen(("voice", 2_000), *spans, ("silence", 2_100))
    assert [sign for sign, _ in signs] == ["machine", "end_of_message"]
