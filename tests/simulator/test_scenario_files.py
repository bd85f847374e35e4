from pathlib import Path

import pytest

from offhook.errors import ConfigError, SettingsError
from offhook.simulator.scenario_files import load_scenario, parse_scenario
from offhook.simulator.steps import Say, WaitForAgent

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "scenarios").glob("*.toml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples_are_right(file: Path) -> None:
    scenario = load_scenario(file)
    assert scenario.title
    assert scenario.about
    assert scenario.name == file.stem


def test_there_are_examples_of_every_kind_of_step() -> None:
    used = {type(step).__name__ for file in EXAMPLES for step in load_scenario(file).steps}
    assert used >= {"Backchannel", "Cough", "Dtmf", "ExpectHangup", "HangUp", "Interrupt", "Mumble", "Say", "Silence"}


def test_both_ways_of_writing_steps_are_the_same() -> None:
    inline = parse_scenario('title = "t"\nsteps = [{ say = "hello" }, { wait_for_agent = "begin" }]')
    tables = parse_scenario('title = "t"\n[[steps]]\nsay = "hello"\n[[steps]]\nwait_for_agent = "begin"')
    assert inline.steps == tables.steps == (Say(say="hello"), WaitForAgent(wait_for_agent="begin"))


def test_one_phrase_needs_no_list() -> None:
    step = parse_scenario('title = "t"\nsteps = [{ wait_for_agent = "finish", agent_says = "hello" }]').steps[0]
    assert isinstance(step, WaitForAgent)
    assert step.agent_says == ("hello",)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("title = \n", 1, "not valid TOML"),
        ('steps = [{ say = "x" }]', None, "title: is missing"),
        ('title = "t"', None, "steps: is missing"),
        ('title = "t"\nsteps = []', 2, "at least 1 item"),
        ('title = "t"\nsteps = [\n{ say = "x" },\n{ sya = "y" },\n]', 4, 'did you mean "say"'),
        ('title = "t"\nsteps = [\n{ say = "x", dtmf = "1" },\n]', 3, "does one thing, this one has say and dtmf"),
        ('title = "t"\nsteps = [{ }]', 2, "begin it with one of say, play"),
        ('title = "t"\nsteps = [\n{ say = "x", speed = 2 }]', 3, "step 1.speed: there is no such key"),
        (
            'title = "t"\nsteps = [{ wait_for_agent = "finish", agent_say = "x" }]',
            2,
            "step 1.agent_say: there is no such key\n  did you mean agent_says?",
        ),
        ('title = "t"\nsteps = [{ wait_for_agent = "stop" }]', 2, "step 1.wait_for_agent: input should be"),
        ('title = "t"\nsteps = [{ wait_for_agent = "begin", agent_says = "/(/" }]', 2, "not a regular expression"),
        ('title = "t"\nsteps = [{ dtmf = "12x" }]', 2, "step 1.dtmf"),
        ('title = "t"\nsteps = [{ cough = false }]', 2, "step 1.cough"),
        ('title = "t"\nsteps = [{ silence_s = -1 }]', 2, "greater than 0, not -1"),
        ('title = "t"\nsteps = [{ hang_up = true }]\n[line]\nrate = 8000', 4, "line.rate: there is no such key"),
        ('title = "t"\nsteps = [{ hang_up = true }]\n[line]\nformat = "ulaw"', 4, "line.format"),
        ('title = "t"\nsteps = [{ hang_up = true }]\n[expect]\nended_by = "me"', 4, "expect.ended_by"),
        ('title = "t"\nsteps = [{ hang_up = true }]\n[callers]\npitch = 1', 3, "did you mean caller?"),
    ],
)
def test_errors_have_a_line_and_a_remedy(text: str, line: int | None, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_scenario(text, Path("a.toml"))
    assert caught.value.line == line
    assert words in str(caught.value)
    assert str(caught.value).startswith("a.toml")


def test_all_errors_are_told_at_once() -> None:
    text = 'steps = [\n{ sya = "x" },\n{ dtmf = "y" },\n]\n[expect]\nmin_turns = -1'
    with pytest.raises(SettingsError) as caught:
        parse_scenario(text)
    assert [error.line for error in caught.value.errors] == [None, 2, 3, 6]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such scenario"):
        load_scenario(tmp_path / "none.toml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_scenario(tmp_path / "a.toml")


def test_files_are_found_from_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('title = "t"\nsteps = [{ play = "b.wav" }]')
    assert load_scenario(tmp_path / "a.toml").path(Path("b.wav")) == tmp_path / "b.wav"
