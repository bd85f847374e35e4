from pathlib import Path

import pytest

from offhook.calls.tools.base import ToolRules
from offhook.calls.tools.functions import FunctionTool
from offhook.config import AgentSettings
from offhook.errors import FlowError
from offhook.server.business import business_of


def test_an_agent_gets_the_name_of_its_business_and_instructions_from_its_facts() -> None:
    business = business_of(AgentSettings(transfers={"sales": "+1"}))
    assert business.agent.greeting == "Hello, thanks for calling Ace Plumbing. How can I help you?"
    assert "Ace Plumbing" in business.instructions
    assert {"take_message", "transfer_call", "end_call"} <= {tool.spec.name for tool in business.tools}


def test_its_own_instructions_stand() -> None:
    assert business_of(AgentSettings(instructions="Be brief.")).instructions == "Be brief."


def test_it_has_the_tools_that_its_settings_name() -> None:
    business = business_of(AgentSettings(tools=("end_call",)))
    assert [tool.spec.name for tool in business.tools] == ["end_call"]


async def look_up(number: str) -> str:
    """Look a number up."""
    return number


def test_a_tool_of_one_s_own_stands_in_the_place_of_a_built_in_one() -> None:
    own = FunctionTool(look_up, ToolRules(), "book_appointment")
    business = business_of(AgentSettings(tools=("end_call", "book_appointment")), [own])
    assert [tool for tool in business.tools if tool.spec.name == "book_appointment"] == [own]


def test_a_flow_may_call_tools_of_one_s_own(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "flows.md").read_text()
    text = page.partition("```toml flow\n")[2].partition("```")[0].replace('"take_message"', '"look_up"')
    agent = AgentSettings(flow=tmp_path / "flow.toml")
    (tmp_path / "flow.toml").write_text(text)
    with pytest.raises(FlowError, match='there is no tool "look_up"'):
        business_of(agent)
    flow = business_of(agent, [FunctionTool(look_up, ToolRules())]).flow
    assert flow.states["keep_it"].tool == "look_up"
