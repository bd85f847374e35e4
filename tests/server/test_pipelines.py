from offhook.calls.tools.base import ToolRules
from offhook.config import AgentSettings, SilenceSettings
from offhook.providers.llm.base import ToolSpec
from offhook.server.pipelines import what_it_says
from tests.calls.rig import PaperTool

NAP = ToolSpec("nap", "", {"type": "object"})


def test_the_lines_that_an_agent_says_often() -> None:
    agent = AgentSettings()
    lines = what_it_says(agent)
    assert {agent.greeting, agent.trouble_line, agent.silence.ask_line} <= set(lines)
    assert set(agent.filler_lines) <= set(lines)
    tools = [PaperTool(NAP, rules=ToolRules(filler=filler)) for filler in (None, "", "Let me see.")]
    assert set(what_it_says(agent, tools)) - set(lines) == {"Let me see."}
    machine = AgentSettings(machine="leave_message", machine_message="Call us.")
    assert "Call us." in what_it_says(machine)


def test_who_follows_a_script_says_that_time_is_nearly_up() -> None:
    line = AgentSettings().silence.wrap_up_line
    assert line in what_it_says(AgentSettings())
    assert line not in what_it_says(AgentSettings(llm=("openai",)))
    assert line not in what_it_says(AgentSettings(silence=SilenceSettings(wrap_up_s=0)))
