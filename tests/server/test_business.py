from offhook.config import AgentSettings
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
