from offhook.providers.realtime.openai_answers import Answers


def asked(answers: Answers) -> str:
    """The id of what is to be asked for now; empty for nothing."""
    want = answers.next()
    return want.id if want else ""


def test_one_answer_is_asked_for_at_a_time() -> None:
    answers = Answers()
    answers.want("one")
    answers.want("two")
    first = asked(answers)
    assert first
    assert asked(answers) == ""
    answers.begin("r1", first)
    assert asked(answers) == ""
    answers.end("r1", first)
    assert asked(answers) not in ("", first)


def test_plain_answers_are_one() -> None:
    answers = Answers()
    answers.want()
    answers.want("a line")
    answers.want()
    answers.end("r1", asked(answers))
    answers.end("r2", asked(answers))
    assert asked(answers) == ""


def test_a_plain_answer_waits_for_the_caller_and_a_line_does_not() -> None:
    answers = Answers()
    answers.caller_speaks = True
    answers.want()
    assert asked(answers) == ""
    answers.want("a line")
    line = asked(answers)
    answers.end("r1", line)
    assert asked(answers) == ""
    answers.caller_speaks = False
    assert asked(answers) != ""


def test_an_answer_that_is_owed_does_for_a_plain_one() -> None:
    answers = Answers()
    answers.want()
    answers.owed = True
    assert (asked(answers), answers.waiting) == ("", True)
    answers.begin("r1", "")
    answers.end("r1", "")
    assert (asked(answers), answers.waiting) == ("", False)


def test_what_the_server_refused_may_be_asked_for_later() -> None:
    answers = Answers()
    answers.want("a line")
    first = asked(answers)
    assert not answers.refused("other", later=True)
    assert answers.refused(first, later=True)
    assert asked(answers) == ""
    answers.end("r1", "")
    assert asked(answers) != ""


def test_what_the_server_refused_for_good() -> None:
    answers = Answers()
    answers.want("a line")
    assert answers.refused(asked(answers), later=False)
    assert (asked(answers), answers.waiting) == ("", False)


def test_results_bring_one_more_answer_when_all_are_there() -> None:
    answers = Answers()
    answer, _ = answers.begin("r1", "")
    answer.calls |= {"c1", "c2"}
    assert answers.result("c1", answer=False)
    answers.settle(answers.end("r1", ""))
    assert asked(answers) == ""
    assert answers.result("c2", answer=True)
    assert not answers.result("c2", answer=True)
    assert asked(answers) != ""


def test_old_answers_are_forgotten_unless_a_tool_owes() -> None:
    answers = Answers()
    owing, _ = answers.begin("owing", "")
    owing.calls.add("c1")
    for number in range(200):
        answers.end(f"r{number}", "")
    answers.end("owing", "")
    assert answers.result("c1", answer=True)
    assert not answers.get("r0").done
    assert answers.get("r199").done
