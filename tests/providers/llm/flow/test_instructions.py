from offhook.providers.llm.flow import instructions_for_llm, load_facts, load_flow


def test_the_same_agent_for_a_language_model() -> None:
    text = instructions_for_llm(load_flow(), load_facts())
    for words in (
        "Ace Plumbing",
        "85 dollars",
        "Monday to Friday 8 AM to 6 PM",
        "one question at a time",
        "Read it back",
    ):
        assert words in text
    for tool in ("take_message", "check_availability", "book_appointment", "end_call"):
        assert f"- {tool}: " in text
    assert len(text) < 12_000


def test_days_that_are_not_as_usual() -> None:
    assert "closed Friday, December 25th" in instructions_for_llm(load_flow(), load_facts())
