import tomllib
from pathlib import Path

import pytest

from offhook.errors import FlowError
from offhook.providers.llm.flow import instructions_for_llm, load_facts, load_flow
from offhook.providers.llm.flow.choices import Choices
from offhook.providers.llm.flow.words import hear
from tests.providers.llm.flow.conftest import Line

PAGE = Path("docs/flows.md").read_text()
SLOT = """
[slots.cover]
kind = "choice"
ask = "Hardback or paperback?"
again = "Sorry, hardback or paperback?"
choices = { hardback = ["hard cover*", "bound"], paperback = ["soft", "soft cover*", "cheap one"] }
"""


def written(folder: Path, **changes: str) -> Path:
    """The flow of the page, with a choice, and its message kept in a slot."""
    text = PAGE.partition("```toml flow\n")[2].partition("```")[0] + SLOT
    text = text.replace(
        'collect = ["book", "name", "number"]\nnext = "keep_it"', 'collect = ["cover"]\nnext = "keep_it"'
    )
    text = text.replace('reason = "Please keep: {book}"', 'reason = "Please keep: {cover}"')
    for old, new in changes.items():
        text = text.replace(old, new)
    tomllib.loads(text)
    path = folder / "flow.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("The bound one.", "hardback"),
        ("Hard covers, please", "hardback"),
        ("Paperback", "paperback"),
        ("I want the cheap one", "paperback"),
        ("soft cover, not bound", "paperback"),
        ("a hardbeck", "hardback"),
        ("I do not mind", None),
        ("", None),
    ],
)
def test_what_is_chosen(tmp_path: Path, said: str, value: str | None) -> None:
    assert Choices(load_flow(written(tmp_path))).find("cover", hear(said)) == value


async def test_a_choice_is_asked_for_told_and_changed(tmp_path: Path) -> None:
    line = Line(load_flow(written(tmp_path)), load_facts(), tmp_path)
    assert await line.say("Please reserve a book") == "Hardback or paperback?"
    assert await line.say("Whichever") == "Sorry, hardback or paperback?"
    await line.say("The soft one")
    assert [each["reason"] for each in line.kept_messages()] == ["Please keep: paperback"]


async def test_a_choice_that_nobody_asked_for_is_taken_once(tmp_path: Path) -> None:
    line = Line(load_flow(written(tmp_path)), load_facts(), tmp_path)
    await line.say("Please reserve a bound book")
    await line.say("Reserve a soft book")
    await line.say("Actually, reserve the soft book")
    reasons = [str(each["reason"]).removeprefix("Please keep: ") for each in line.called("take_message")]
    assert reasons == ["hardback", "hardback", "paperback"]


async def test_a_slot_gets_its_value_from_a_result(tmp_path: Path) -> None:
    outcome = '[states.keep_it.outcomes.saved]\nfill = { name = "{result.status} {cover}", book = "{result.nothing}" }'
    path = written(tmp_path, **{"[states.keep_it.outcomes.saved]": outcome})
    line = Line(load_flow(path), load_facts(), tmp_path)
    said = await line.say("Please reserve a bound book")
    assert said.startswith("Thank you, saved hardback. We will look for and call you.")


def test_a_model_is_told_the_choices(tmp_path: Path) -> None:
    assert "cover: choice. One of hardback, paperback." in instructions_for_llm(
        load_flow(written(tmp_path)), load_facts()
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (SLOT.splitlines()[-1], "", "a slot of kind choice needs choices"),
        ('kind = "choice"', 'kind = "text"', '"choices" is for slots of kind choice'),
        ('"bound"', '"(bound"', "lacks a"),
        ("[states.keep_it.outcomes.saved]", '[states.keep_it.outcomes.saved]\nfill = { nam = "x" }', 'no slot "nam"'),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(FlowError) as caught:
        load_flow(written(tmp_path, **{old: new}))
    assert said in str(caught.value)
