import dataclasses

import pytest

from offhook.calls.change import Change
from offhook.calls.tools.runner import ToolRunner
from offhook.calls.tools.switch_language import SwitchLanguage
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolCall
from tests.calls.tools.conftest import Calls


async def test_it_changes_the_language_of_the_call(calls: Calls) -> None:
    changes: list[Change] = []
    context = dataclasses.replace(calls.context(), change=changes.append)
    ran = await ToolRunner([SwitchLanguage(("en", "es"))], context).run(
        ToolCall("1", "switch_language", {"language": "es"})
    )
    assert ran.text == '{"status":"switched","language":"es","next":"Go on in Spanish."}'
    assert changes == [Change(language="es")]


async def test_a_language_that_the_agent_does_not_speak_is_refused(calls: Calls) -> None:
    changes: list[Change] = []
    context = dataclasses.replace(calls.context(), change=changes.append)
    ran = await ToolRunner([SwitchLanguage(("en", "es"))], context).run(
        ToolCall("1", "switch_language", {"language": "fr"})
    )
    assert "language" in ran.error
    assert changes == []


async def test_it_is_offered_only_where_there_is_a_choice_in_a_call(calls: Calls) -> None:
    in_call = dataclasses.replace(calls.context(), change=lambda change: None)
    assert SwitchLanguage(("en", "es")).offered(in_call)
    assert not SwitchLanguage(("en",)).offered(in_call)
    assert not SwitchLanguage(("en", "es")).offered(calls.context())
    with pytest.raises(ToolError, match="no call"):
        await SwitchLanguage(("en", "es"))({"language": "es"}, calls.context())


def test_a_model_is_told_what_the_codes_mean() -> None:
    [language] = SwitchLanguage(("en", "es")).spec.parameters["properties"].values()
    assert (language["enum"], language["description"]) == (["en", "es"], "en for English, es for Spanish")
