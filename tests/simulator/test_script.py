import pytest

from tests.simulator.agent_double import AgentDouble, Said
from tests.simulator.rehearsal import rehearse

GREETING, ANSWER, BYE = Said(400), Said(800), Said(1200)
WORDS: dict[float, str] = {400: "Hello, how can I help?", 800: "We open at eight.", 1200: "Goodbye."}


def scenario(steps: str, rest: str = "") -> str:
    return f'title = "t"\nsteps = [\n{steps}\n]\n{rest}'


TWO_TURNS = scenario("""
{ wait_for_agent = "finish", agent_says = "how can I help" },
{ say = "When do you open?" },
{ wait_for_agent = "finish", agent_says = "open at 8", agent_does_not_say = "closed", reply_within_ms = 800 },
{ say = "Thanks, bye." },
{ expect_hangup = true },
""")


def test_a_whole_call_passes() -> None:
    done = rehearse(TWO_TURNS, AgentDouble([GREETING, ANSWER, BYE]), WORDS)
    assert done.report.passed, done.report.summary
    assert done.report.ended_by == "agent"
    assert [turn.agent for turn in done.report.turns] == ["We open at eight.", "Goodbye."]
    assert [line.speaker for line in done.report.lines] == ["agent", "caller", "agent", "caller", "agent"]


def test_reply_time_is_from_the_last_sample_sent_to_the_first_heard() -> None:
    done = rehearse(TWO_TURNS, AgentDouble([GREETING, ANSWER, BYE], reply_frames=30), WORDS)
    # The double counts 30 whole frames of silence; the frame in which speech ends is not one of them.
    assert done.report.turns[0].reply_ms == pytest.approx(30 * 20, abs=21)


def test_a_slow_reply_fails_its_check() -> None:
    done = rehearse(TWO_TURNS, AgentDouble([GREETING, ANSWER, BYE], reply_frames=60), WORDS)
    assert done.outcome("the agent replies") is False
    assert [check.step for check in done.report.failures] == [3]


def test_wrong_words_fail_and_the_call_goes_on() -> None:
    done = rehearse(TWO_TURNS, AgentDouble([GREETING, ANSWER, BYE]), WORDS | {800: "We are closed."})
    assert [check.what for check in done.report.failures] == [
        'the agent says "open at 8"',
        'the agent does not say "closed"',
    ]
    assert done.report.ended_by == "agent"


def test_without_transcription_words_are_unknown_and_pass() -> None:
    done = rehearse(TWO_TURNS, AgentDouble([GREETING, ANSWER, BYE]))
    assert done.outcome("says") is None
    assert done.report.passed


def test_an_agent_that_says_nothing_fails_the_step_and_the_caller_hangs_up() -> None:
    done = rehearse(scenario('{ wait_for_agent = "begin", timeout_s = 2 }'), AgentDouble([], hangs_up=False), WORDS)
    assert done.report.failures[0].detail == "the agent said nothing; waited 2 s"
    assert done.report.ended_by == "caller"


def test_waiting_for_words_goes_on_over_several_utterances() -> None:
    steps = '{ wait_for_agent = "finish" }, { say = "Hello?" }, { wait_for_agent = "finish", matching = "open at 8" }'
    agent = AgentDouble([GREETING, ANSWER], hangs_up=False)
    assert rehearse(scenario(steps), agent, WORDS).report.passed


def test_words_that_never_come_fail_with_what_was_said() -> None:
    steps = '{ wait_for_agent = "finish", matching = "good morning", timeout_s = 3 }'
    done = rehearse(scenario(steps), AgentDouble([GREETING], hangs_up=False), WORDS)
    assert done.report.summary == (
        'step 1 can be done: the agent did not say good morning; waited 3 s; it said "Hello, how can I help?"'
    )


def test_an_agent_that_hangs_up_early_fails_the_next_step() -> None:
    steps = '{ wait_for_agent = "finish" }, { silence_s = 3 }, { say = "Hello?" }'
    done = rehearse(scenario(steps), AgentDouble([GREETING]), WORDS)
    assert done.report.failures[0].detail == "the agent had hung up by then"
    assert done.report.failures[0].step in (2, 3)


INTERRUPTION = scenario("""
{ interrupt = "Sorry, one question.", after_ms = 1000, stop_within_ms = 400 },
{ wait_for_agent = "finish", agent_says = "open at 8" },
{ hang_up = true },
""")


def test_an_interruption_is_timed_from_onset_to_the_last_sound() -> None:
    agent = AgentDouble([Said(400, 5.0), ANSWER], barge_in_frames=10, hangs_up=False)
    done = rehearse(INTERRUPTION, agent, WORDS)
    assert done.report.passed, done.report.summary
    assert done.report.interruptions[0].stop_ms == pytest.approx(10 * 20, abs=41)
    assert done.report.ended_by == "caller"


def test_an_agent_that_talks_on_did_not_stop() -> None:
    agent = AgentDouble([Said(400, 20.0), ANSWER], barge_in_frames=None, hangs_up=False)
    done = rehearse(INTERRUPTION, agent, WORDS)
    assert done.report.interruptions[0].stop_ms is None
    assert done.outcome("stops when interrupted") is False


def test_an_agent_too_brief_to_interrupt_is_told() -> None:
    steps = '{ interrupt = "Wait.", after_ms = 3000, timeout_s = 4 }'
    done = rehearse(scenario(steps), AgentDouble([GREETING], hangs_up=False), WORDS)
    assert done.report.failures[0].detail == "the agent did not speak for 3000 ms within 4 s"


@pytest.mark.parametrize("step", ['backchannel = "mhm"', "cough = true"])
@pytest.mark.parametrize(("barge_in", "goes_on"), [(None, True), (3, False)])
def test_sounds_of_listening_must_not_stop_the_agent(step: str, barge_in: int | None, goes_on: bool) -> None:
    agent = AgentDouble([Said(400, 6.0)], barge_in_frames=barge_in, hangs_up=False)
    done = rehearse(scenario(f"{{ {step}, after_ms = 500 }}"), agent, WORDS)
    assert done.outcome("goes on talking") is goes_on


def test_an_agent_that_pauses_and_resumes_went_on() -> None:
    agent = AgentDouble([Said(400, 4.0)], barge_in_frames=None, resumes=True, hangs_up=False)
    steps = '{ cough = true, after_ms = 500 }, { wait_for_agent = "finish" }'
    done = rehearse(scenario(steps), agent, WORDS)
    assert done.report.passed, done.report.summary
    assert done.report.turns == []


def test_keys_are_pressed_with_their_spacing() -> None:
    steps = '{ wait_for_agent = "finish" }, { dtmf = "12 3#", gap_ms = 100 }, { wait_for_agent = "finish" }'
    agent = AgentDouble([GREETING, ANSWER], hangs_up=False)
    done = rehearse(scenario(steps), agent, WORDS)
    assert agent.keys == "123#"
    keys = next(line for line in done.report.lines if line.speaker == "caller")
    assert (keys.text, keys.end_ms - keys.begin_ms) == ("(keys 123#)", 400)
    assert done.report.passed


def test_silence_lasts_as_long_as_asked() -> None:
    done = rehearse(scenario("{ silence_s = 4.5 }, { hang_up = true }"), AgentDouble([GREETING], hangs_up=False))
    assert done.report.duration_ms == 4500


def test_mumbling_is_heard_and_asks_for_an_answer() -> None:
    steps = '{ wait_for_agent = "finish" }, { mumble_s = 1.5 }, { wait_for_agent = "finish" }'
    done = rehearse(scenario(steps), AgentDouble([GREETING, ANSWER], hangs_up=False), WORDS)
    assert done.report.turns[0].agent == "We open at eight."


def test_an_agent_that_stays_on_the_line_fails_the_hangup() -> None:
    done = rehearse(scenario("{ expect_hangup = true, timeout_s = 2 }"), AgentDouble([GREETING], hangs_up=False))
    assert done.report.failures[0].detail == "the agent did not hang up within 2 s"


WHOLE = """[expect]
agent_says = ["how can I help | what can I do", "goodbye"]
agent_never_says = "closed"
ended_by = "agent"
min_turns = 2
reply_within_ms = 800
median_reply_ms = 700
max_silence_s = 2
max_duration_s = 30
"""


def test_the_whole_call_is_judged() -> None:
    done = rehearse(TWO_TURNS + WHOLE, AgentDouble([GREETING, ANSWER, BYE]), WORDS)
    assert done.report.passed, done.report.summary
    assert len(done.report.checks) == 4 + 9


def test_every_expectation_can_fail() -> None:
    unmet = """[expect]
    agent_says = "good evening"
    agent_never_says = "goodbye"
    ended_by = "caller"
    min_turns = 5
    reply_within_ms = 10
    median_reply_ms = 10
    stop_within_ms = 500
    max_silence_s = 0.1
    max_duration_s = 1
    """
    done = rehearse(TWO_TURNS + unmet, AgentDouble([GREETING, ANSWER, BYE]), WORDS)
    assert len(done.report.failures) == 9
