import pytest

from offhook.simulator.phrases import contains, normalise, phrase_problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's $85, call 555-0142 at eight thirty a.m.", "its 85 dollars call 5550142 at 830 am"),
        ("We're open 9am-5pm", "were open 9 am 5 pm"),
        ("nine to five", "9 to 5"),
        ("five five five, oh one four two", "5550142"),
        ("oh, I see", "oh i see"),
        ("sixty dollars an hour", "60 dollars an hour"),
        ("twenty-two Maple Street", "22 maple street"),
        ("at 10:00 on the third", "at 10 on the 3rd"),
        ("1,250 people", "1250 people"),
        ("50%", "50 percent"),
        ("", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ("Hello, thanks for calling ACE plumbing.", "ace plumbing"),
        ("How can I help you?", "hello | how can I help"),
        ("May I have your name please?", "your name"),
        ("We're at 22 Mabel Street", "Maple Street"),
        ("The visit is $85", "eighty-five dollars"),
        ("I have 555-0142. Right?", "5550142"),
        ("the number is 415 555 0134", "5550134"),
        ("It costs 12 dollars", "/[0-9]+ dollars/"),
        ("Good-bye!", "good bye"),
    ],
)
def test_contains(said: str, phrase: str) -> None:
    assert contains(said, phrase)


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ("The visit is $95", "85 dollars"),
        ("May I have your number?", "your name"),
        ("", "hello"),
        ("Goodbye", "hello | good morning"),
        ("It costs twelve pounds", "/[0-9]+ dollars/"),
        ("555-0143", "5550142"),
    ],
)
def test_does_not_contain(said: str, phrase: str) -> None:
    assert not contains(said, phrase)


@pytest.mark.parametrize("phrase", ["", "?!", "hello | ", "/(/"])
def test_phrases_that_nobody_could_say(phrase: str) -> None:
    assert phrase_problem(phrase)


@pytest.mark.parametrize("phrase", ["hello", "hello | bye", "/a+/"])
def test_phrases_that_are_right(phrase: str) -> None:
    assert phrase_problem(phrase) == ""
