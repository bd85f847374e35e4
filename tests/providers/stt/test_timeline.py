from offhook.providers.stt.base import Transcript
from offhook.providers.stt.timeline import Segment, TimedWord, Timeline


def segment(text: str, start_ms: float, end_ms: float, confidence: float = 1.0) -> Segment:
    """Words of equal length between two times."""
    words = text.split()
    length = (end_ms - start_ms) / len(words)
    timed = (
        TimedWord(word, start_ms + n * length, start_ms + (n + 1) * length, confidence) for n, word in enumerate(words)
    )
    return Segment(text, tuple(timed))


def timeline(*segments: Segment) -> Timeline:
    found = Timeline()
    for part in segments:
        found.add(part)
    return found


def test_an_utterance_has_its_words_and_their_mean_confidence() -> None:
    heard = timeline(segment("Hello there.", 500, 1_300, 0.9), segment("Are you", 2_000, 2_600, 0.5))
    assert heard.between(520, 2_600) == Transcript("Hello there. Are you", 0.7)


def test_nothing_was_said() -> None:
    assert timeline(segment("Hello", 500, 900)).between(5_000, 6_000) == Transcript("", 0.0)


def test_an_utterance_grows_with_its_end() -> None:
    heard = timeline(segment("My number is", 500, 1_500))
    assert heard.between(500, 1_500).text == "My number is"
    heard.add(segment("five five.", 2_500, 3_000))
    assert heard.between(500, 3_000).text == "My number is five five."
    assert heard.between(500, 3_000).text == "My number is five five."


def test_words_belong_to_one_utterance_only() -> None:
    heard = timeline(segment("Yes.", 500, 900))
    assert heard.between(500, 900).text == "Yes."
    heard.add(segment("No wait.", 1_200, 1_900))
    assert heard.between(1_200, 1_900).text == "No wait."


def test_a_segment_over_two_utterances_is_cut() -> None:
    heard = timeline(Segment("Yes. No.", (TimedWord("Yes.", 500, 900, 1.0), TimedWord("No.", 3_000, 3_300, 1.0))))
    assert heard.between(500, 900).text == "Yes."
    assert heard.between(3_000, 3_300).text == "No."


def test_a_voice_detected_late_keeps_its_first_word() -> None:
    heard = timeline(segment("Hi there", 300, 1_100))
    assert heard.between(800, 1_100).text == "Hi there"


def test_what_was_said_long_before_is_left_out() -> None:
    heard = timeline(segment("Mhm.", 500, 900), segment("Hello.", 9_000, 9_500))
    assert heard.between(9_000, 9_500).text == "Hello."


def test_a_turn_taken_by_the_provider_does_not_come_again() -> None:
    heard = timeline(segment("Yes please.", 500, 1_300))
    assert heard.end_turn() == "Yes please."
    heard.add(segment("Thanks.", 1_700, 2_000))
    assert heard.between(1_700, 2_000).text == "Thanks."


def test_a_turn_taken_by_the_provider_belongs_to_an_utterance_that_began_in_it() -> None:
    heard = timeline(segment("Hi.", 850, 1_000))
    assert heard.end_turn() == "Hi."
    assert heard.between(1_000, 1_100).text == "Hi."


def test_words_that_are_not_final_count_if_given() -> None:
    heard = timeline(segment("Hello", 500, 900))
    guess = segment("there", 900, 1_200)
    assert heard.between(500, 1_200, guess).text == "Hello there"
    assert heard.between(500, 1_200).text == "Hello"


def test_pending_words_end_with_the_turn() -> None:
    heard = timeline(segment("Hello", 500, 900))
    assert heard.pending(segment("there", 900, 1_200)).text == "Hello there"
    assert heard.end_turn() == "Hello"
    assert heard.pending().text == ""
    assert heard.end_turn() == ""


def test_pending_words_are_not_those_of_an_earlier_utterance() -> None:
    heard = timeline(segment("Hello there.", 500, 1_300))
    heard.between(500, 1_300)
    assert heard.pending().text == "Hello there."
    assert heard.pending(segment("And now", 4_000, 4_500)).text == "And now"
    heard.add(segment("And now", 4_000, 4_500))
    heard.between(4_000, 4_500)
    assert heard.end_turn() == "And now"


def test_pending_words_of_a_caller_who_only_paused_stay_together() -> None:
    heard = timeline(segment("My number", 500, 1_300))
    heard.between(500, 1_300)
    assert heard.pending(segment("is", 2_000, 2_200)).text == "My number is"


def test_an_empty_segment_is_nothing() -> None:
    heard = timeline(Segment("", ()))
    assert heard.end_turn() == ""


def test_old_segments_are_let_go() -> None:
    heard = timeline(*(segment("word", n * 1_000, n * 1_000 + 100) for n in range(600)))
    assert heard.between(0, 600_000).text.count("word") == 500


def test_the_shares_of_languages_are_those_of_the_words() -> None:
    told = [("Hola", "es"), ("quiero", "es"), ("my", "en"), ("cita", "")]
    words = tuple(TimedWord(text, n * 300, n * 300 + 200, 1.0, language) for n, (text, language) in enumerate(told))
    said = timeline(Segment("Hola quiero my cita", words)).between(0, 1_200)
    assert said.languages == {"es": 0.5, "en": 0.25}
    assert timeline(segment("Hello there", 0, 600)).between(0, 600).languages == {}
