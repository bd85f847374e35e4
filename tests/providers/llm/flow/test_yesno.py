import pytest

from offhook.providers.llm.flow.words import hear
from offhook.providers.llm.flow.yesno import polarity, without_polarity

_YES = (
    "yes|yep that's right|yeah|correct|that's correct|sure|exactly|ok|okay|sounds good|go ahead|uh huh|mhm|right"
    "|please do|yes please|perfect|um, yes|you got it|that's fine|absolutely|it is right"
)
_NO = (
    "no|nope|no that's wrong|nah|that's not right|not quite|wrong|incorrect|no thanks|no thank you|that is incorrect"
    "|um no|know|yeah no|not really|I don't"
)
_NEITHER = "Tom Baker|tomorrow at ten|four one five|what|a leaking tap|please tell him to call|good question though"


@pytest.mark.parametrize("text", _YES.split("|"))
def test_yes(text: str) -> None:
    assert polarity(hear(text)) is True


@pytest.mark.parametrize("text", _NO.split("|"))
def test_no(text: str) -> None:
    assert polarity(hear(text)) is False


@pytest.mark.parametrize("text", _NEITHER.split("|"))
def test_neither(text: str) -> None:
    assert polarity(hear(text)) is None


@pytest.mark.parametrize(
    ("text", "rest"),
    [("no, it's Sara", "it is sara"), ("no that's wrong, Thursday", "thursday"), ("yes", ""), ("Tom", "tom")],
)
def test_without(text: str, rest: str) -> None:
    assert without_polarity(hear(text)).text == rest
