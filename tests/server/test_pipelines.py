from offhook.config import AgentSettings
from offhook.server.pipelines import what_it_says


def test_the_lines_that_an_agent_says_often() -> None:
    agent = AgentSettings()
    lines = what_it_says(agent)
    assert {agent.greeting, agent.trouble_line, agent.silence.ask_line} <= set(lines)
    assert agent.moment_line not in lines
    assert agent.moment_line in what_it_says(AgentSettings(engine="realtime"))
    machine = AgentSettings(machine="leave_message", machine_message="Call us.")
    assert "Call us." in what_it_says(machine)
