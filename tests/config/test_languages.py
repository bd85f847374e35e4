from typing import Any

import pytest
from pydantic import ValidationError

from offhook.config import Settings
from offhook.config.languages import language_code, language_name


def settings(**sections: Any) -> Settings:
    spanish = {"greeting": "Hola.", "turns": {"silence_ms": 900}}
    reception = {"greeting": "Hello.", "languages": {"es": spanish, "fr": {}}}
    return Settings.model_validate({"agents": {"reception": reception, "sales": {}}, **sections})


@pytest.mark.parametrize(
    ("told", "code"),
    [("es", "es"), ("es_MX", "es"), ("ES-419", "es"), (" de ", "de"), ("spanish", ""), ("", ""), ("e", ""), ("12", "")],
)
def test_codes_as_carriers_tell_them(told: str, code: str) -> None:
    assert language_code(told) == code


def test_names() -> None:
    assert (language_name("es"), language_name("xx")) == ("Spanish", 'the language "xx"')


def test_each_language_is_a_way_to_answer() -> None:
    answering = settings().answering
    assert list(answering) == ["reception", "sales", "reception@es", "reception@fr"]
    spanish = answering["reception@es"]
    assert (spanish.language, spanish.greeting, spanish.turns.silence_ms) == ("es", "Hola.", 900)
    assert (answering["reception@fr"].language, answering["reception@fr"].greeting) == ("fr", "Hello.")
    assert len(settings().ways_of("reception")) == 3


def test_each_variant_answers_in_each_language() -> None:
    tone = {"agent": "reception", "variants": {"plain": {}, "calm": {"greeting": "Good day.", "speed": 0.9}}}
    answering = settings(experiments={"tone": tone}).answering
    assert set(answering) == {
        "sales",
        *(f"reception/{each}" for each in ("plain", "calm", "plain@es", "calm@es", "plain@fr", "calm@fr")),
    }
    calm = answering["reception/calm@es"]
    assert (calm.greeting, calm.speed, answering["reception/calm@fr"].greeting) == ("Hola.", 0.9, "Good day.")


@pytest.mark.parametrize(
    ("languages", "told"),
    [
        ({"en": {}}, "that is the agent's own language"),
        ({"es": {"language": "fr"}}, "the same in all languages"),
        ({"es": {"engine": "realtime"}}, "the same in all languages"),
        ({"es": {"detect_language": "first"}}, "the same in all languages"),
        ({"es": {"code": "x.py"}}, "the same in all languages"),
        ({"es": {"tts": ["nobody"]}}, 'there is no tts "nobody"'),
        ({"es": {"turns": {"silence_ms": 150, "speculate_ms": 300}}}, "300 is above silence_ms"),
        ({"es": {"max_calls": 3}}, "Extra inputs"),
        ({"es": {"languages": {}}}, "Extra inputs"),
        ({"spanish": {}}, "String should match"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(languages: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings.model_validate({"agents": {"reception": {"languages": languages}}})


def test_voices_of_a_pipeline_are_tables_and_those_of_a_model_are_its_own() -> None:
    with pytest.raises(ValidationError, match='there is no tts "ash"'):
        Settings.model_validate({"agents": {"reception": {"voices": ["ash"]}}})
    Settings.model_validate({"agents": {"reception": {"voices": ["ash"], "engine": "realtime"}}})


# Which language a call is answered in


ROUTES = (
    {"agent": "reception", "to": "+15550100", "language": "es"},
    {"agent": "sales", "to": "+15550101"},
    {"agent": "reception"},
)


@pytest.mark.parametrize(
    ("agent", "to", "variables", "language"),
    [
        ("reception", "+15550100", {}, "es"),
        ("reception", "+15550199", {}, ""),
        ("reception", "+15550199", {"language": "fr_CA"}, "fr"),
        ("reception", "+15550199", {"CHANNEL(language)": "es"}, "es"),
        ("reception", "+15550199", {"language": "en"}, ""),
        ("reception", "+15550199", {"language": "de"}, ""),
        ("reception", "+15550100", {"language": "fr"}, "es"),
        ("sales", "+15550100", {"language": "fr"}, ""),
    ],
    ids=["route", "no route", "told", "channel", "own", "not spoken", "route before channel", "another agent"],
)
def test_the_route_chooses_then_the_carrier(agent: str, to: str, variables: dict[str, str], language: str) -> None:
    assert settings(routes=ROUTES).language_for(agent, "vobiz", to, variables) == language


def test_a_route_needs_a_language_that_its_agent_speaks() -> None:
    settings(routes=[{"agent": "reception", "language": "en"}])
    with pytest.raises(ValidationError, match='reception does not speak "de"; it speaks: en, es, fr'):
        settings(routes=[{"agent": "reception", "language": "de"}])
