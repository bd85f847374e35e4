import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.providers.llm.flow.names import amended_name, find_name, spelled
from offhook.providers.llm.flow.words import hear


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sarah Thompson.", "Sarah Thompson"),
        ("my name is Sarah", "Sarah"),
        ("My name's Tom Baker.", "Tom Baker"),
        ("it's tom", "Tom"),
        ("This is Ann Lee calling", "Ann Lee"),
        ("uh, yes, it's Jim", "Jim"),
        ("Tom Baker here", "Tom Baker"),
        ("Mrs. O'Neil", "O'Neil"),
        ("you can call me Al Green", "Al Green"),
        ("Ludwig van Beethoven", "Ludwig van Beethoven"),
        ("S-A-R-A-H", "Sarah"),
        ("S A R A H", "Sarah"),
        ("S. A. R. A. H.", "Sarah"),
        ("S as in Sam, A, R, A, H", "Sarah"),
        ("S for sugar A R A", "Sara"),
        ("M A double T", "Matt"),
        ("T-O-M, B-A-K-E-R", "Tom Baker"),
        ("Sara Thomson, T-H-O-M-P-S-O-N", "Sara Thompson"),
        ("It's Clare, that is C-L-A-R-E", "Clare"),
        ("What do you mean?", None),
        ("I don't know", None),
        ("yes please", None),
        ("hm", None),
        ("", None),
    ],
)
def test_when_a_name_was_asked_for(text: str, name: str | None) -> None:
    found = find_name(hear(text), asked=True)
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hi this is Tom Baker, I'd like to book", "Tom Baker"),
        ("my name is sarah and my tap drips", "Sarah"),
        ("this is urgent", None),
        ("it's leaking", None),
        ("I'm calling about my tap", None),
        ("it's Tuesday", None),
        ("the tap in the Kitchen", None),
    ],
)
def test_when_no_name_was_asked_for(text: str, name: str | None) -> None:
    found = find_name(hear(text), asked=False)
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("old", "said", "new"),
    [
        ("Sarah", "Sara without an H", "Sara"),
        ("Sarah Lee", "no h", "Sara Lee"),
        ("Catherine", "Katherine with a K", "Katherine"),
        ("Sara", "without an h", None),
        ("Sara", "no that is wrong", None),
    ],
)
def test_amended(old: str, said: str, new: str | None) -> None:
    assert amended_name(old, hear(said)) == new


def test_spelled() -> None:
    assert spelled("Ann O'Neil") == "A-N-N, O, N-E-I-L"


@given(st.text(), st.booleans())
def test_never_raises(text: str, asked: bool) -> None:
    found = find_name(hear(text), asked=asked)
    assert found is None or found.name


@given(st.lists(st.sampled_from(["s", "as", "in", "sam", "double", "t", "my", "name", "is", "-", "o'neil", "Tom"])))
def test_never_raises_on_near_names(words: list[str]) -> None:
    find_name(hear(" ".join(words)), asked=True)
