"""Talking another language from now on, as the caller does."""

from collections.abc import Mapping, Sequence
from typing import Any

from offhook.calls.change import Change
from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.config.languages import language_name
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["SwitchLanguage"]


class SwitchLanguage(Tool):
    """The tool `switch_language`, for an agent that speaks `languages`."""

    # Nothing to wait for, and nothing to be said in the language that the caller does not speak.
    rules = ToolRules(filler="")

    def __init__(self, languages: Sequence[str]):
        self._languages = tuple(languages)
        named = ", ".join(f"{code} for {language_name(code)}" for code in self._languages)
        language = {"type": "string", "enum": list(self._languages), "description": named}
        self.spec = ToolSpec(
            "switch_language",
            "Talk another language from now on. Call it, without saying anything before, as soon as the caller speaks"
            " another of these languages than you do, or asks for one. Then go on in that language.",
            {
                "type": "object",
                "properties": {"language": language},
                "required": ["language"],
                "additionalProperties": False,
            },
        )

    def offered(self, context: ToolContext) -> bool:
        """Only where there is a choice, and a call to change."""
        return len(self._languages) > 1 and context.change is not None

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Switch. Raises ToolError for a language that the agent does not speak."""
        language = str(arguments.get("language"))
        if context.change is None:
            raise ToolError("there is no call to change")
        context.change(Change(language=language))
        return {"status": "switched", "language": language, "next": f"Go on in {language_name(language)}."}
