import re
from pathlib import Path

from offhook.simulator.scenario import AgentEar, CallerVoice, Expectations, Line, Scenario
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.steps import STEPS
from tests.simulator.agent_double import AgentDouble, Said
from tests.simulator.rehearsal import rehearse

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
WORDS: dict[float, str] = {
    400: "Hello, how can I help?",
    800: "A visit is 85 dollars.",
    1200: "We are at 22 Maple Street.",
    1600: "Goodbye.",
}


def example() -> str:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_is_a_call_that_passes() -> None:
    agent = AgentDouble([Said(400), Said(800, 6.0), Said(1200), Said(1600)])
    done = rehearse(example(), agent, WORDS)
    assert done.report.passed, done.report.summary
    assert parse_scenario(example()).title == "A caller asks for the price and interrupts"


def test_every_key_is_on_the_page() -> None:
    models = {"caller": CallerVoice.model_fields, "line": Line.model_fields, "agent": AgentEar.model_fields}
    keys = [f"{part}.{name}" for part, fields in models.items() for name in fields]
    keys += [name for model in STEPS.values() for name in model.model_fields]
    keys += [*Expectations.model_fields, "max_duration_s"]
    missing = [key for key in keys if f"`{key}`" not in PAGE and f"`{key} =" not in PAGE]
    assert missing == []
    assert set(Scenario.model_fields) >= {"title", "about", "steps"}
