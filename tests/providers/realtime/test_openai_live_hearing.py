from offhook.providers.realtime.openai_live_hearing import LiveHearing
from tests.providers.realtime.listening import Told


def heard() -> tuple[LiveHearing, Told]:
    told = Told()
    return LiveHearing(told), told


def test_fragments_are_put_together_until_nothing_comes_any_more() -> None:
    hearing, told = heard()
    hearing.skipped_ms = 40
    hearing.words(" Hello", 500, 900, 1_000, answered=False)
    assert not hearing.look(1_000, agent_speaking=False)
    hearing.words(" there.", 900, 1_300, 1_400, answered=False)
    assert not hearing.look(2_200, agent_speaking=False)
    assert hearing.look(2_300, agent_speaking=False)
    assert told.started == [("caller_1", 540)]
    assert told.stopped == [("caller_1", 1_340)]
    assert told.said == [
        ("caller_1", "Hello", False),
        ("caller_1", "Hello there.", False),
        ("caller_1", "Hello there.", True),
    ]
    assert not hearing.speaking
    assert not hearing.look(9_000, agent_speaking=False)


def test_a_pause_between_the_words_makes_two_utterances() -> None:
    hearing, told = heard()
    hearing.words("One.", 500, 900, 3_000, answered=False)
    hearing.words("Two.", 2_200, 2_600, 3_000, answered=False)
    assert [item for item, _, final in told.said if final] == ["caller_1"]
    assert told.said[-1] == ("caller_2", "Two.", False)


def test_the_answer_ends_an_utterance_and_late_words_still_belong_to_it() -> None:
    hearing, told = heard()
    hearing.words("Are you", 500, 900, 1_000, answered=False)
    hearing.look(1_000, agent_speaking=False)
    assert hearing.over(1_500)
    assert not hearing.over(1_500)
    hearing.words(" open?", 900, 1_300, 1_700, answered=True)
    assert told.said[-1] == ("caller_1", "Are you open?", True)
    assert len(told.stopped) == 1


def test_words_over_the_agent_are_no_turn_while_it_speaks_on() -> None:
    hearing, told = heard()
    hearing.words("Mhm.", 500, 700, 800, answered=False)
    assert not hearing.look(800, agent_speaking=True)
    assert not hearing.look(1_800, agent_speaking=True)
    assert told.said[-1] == ("caller_1", "Mhm.", True)
    assert not told.started
    assert not told.stopped


def test_words_over_the_agent_are_a_turn_once_it_falls_silent() -> None:
    hearing, told = heard()
    hearing.words("Stop.", 500, 700, 800, answered=False)
    hearing.look(800, agent_speaking=True)
    hearing.look(900, agent_speaking=False)
    assert told.started == [("caller_1", 500)]
    assert hearing.look(1_700, agent_speaking=False)


def test_words_that_were_answered_before_they_came_are_no_turn() -> None:
    hearing, told = heard()
    hearing.words("Goodbye.", 500, 700, 1_500, answered=True)
    assert not hearing.look(3_000, agent_speaking=False)
    assert told.said[-1] == ("caller_1", "Goodbye.", True)
    assert not told.started


def test_blanks_are_no_words() -> None:
    hearing, told = heard()
    hearing.words(" ", 500, 700, 800, answered=False)
    hearing.look(2_000, agent_speaking=False)
    assert not told.said
