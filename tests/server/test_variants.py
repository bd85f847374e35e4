from collections import Counter
from typing import Any

import pytest

from offhook.config import Settings
from offhook.server.variants import Choice, Variants, choose

KNOWN = ["calm", "control", "control", "control", "control", "calm", "control", "control"]
CALLERS = [f"1415{number:07}" for number in range(20_000)]


def shares(weights: dict[str, float], salt: str = "tone") -> dict[str, float]:
    counted = Counter(choose(weights, salt=salt, caller=caller) for caller in CALLERS)
    return {variant: counted[variant] / len(CALLERS) for variant in weights}


def variants(**experiment: Any) -> Variants:
    tone = {"agent": "reception", "variants": {"control": {}, "calm": {"speed": 0.9}}, **experiment}
    agents: dict[str, Any] = {"reception": {}, "sales": {}}
    return Variants(Settings.model_validate({"agents": agents, "experiments": {"tone": tone}}))


@pytest.mark.parametrize(
    ("weights", "wanted"),
    [
        ({"a": 1, "b": 1}, {"a": 0.5, "b": 0.5}),
        ({"a": 3, "b": 1}, {"a": 0.75, "b": 0.25}),
        ({"a": 0.2, "b": 0.3, "c": 0.5}, {"a": 0.2, "b": 0.3, "c": 0.5}),
        ({"a": 1, "b": 0}, {"a": 1, "b": 0}),
    ],
)
def test_shares_are_by_weight(weights: dict[str, float], wanted: dict[str, float]) -> None:
    # Four standard deviations of a share of 20,000 callers are 0.014 at most.
    assert shares(weights) == pytest.approx(wanted, abs=0.015)


def test_more_weight_moves_only_those_who_come_to_it() -> None:
    before, after = {"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 2.0}
    moved = [
        (choose(before, salt="s", caller=caller), choose(after, salt="s", caller=caller)) for caller in CALLERS[:2_000]
    ]
    assert {pair for pair in moved if pair[0] != pair[1]} == {("a", "b")}


def test_a_new_variant_takes_callers_and_moves_no_others() -> None:
    before, after = {"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 1.0, "c": 1.0}
    changed = [
        choose(after, salt="s", caller=caller)
        for caller in CALLERS[:2_000]
        if choose(after, salt="s", caller=caller) != choose(before, salt="s", caller=caller)
    ]
    assert set(changed) == {"c"}


def test_another_salt_divides_anew() -> None:
    weights = {"a": 1.0, "b": 1.0}
    same = [choose(weights, salt="x", caller=each) == choose(weights, salt="y", caller=each) for each in CALLERS]
    assert sum(same) / len(same) == pytest.approx(0.5, abs=0.015)


def test_a_known_division() -> None:
    weights = {"control": 1.0, "calm": 1.0}
    chosen = [choose(weights, salt="tone", caller=f"1415555014{digit}") for digit in range(8)]
    assert chosen == KNOWN, "callers of running experiments would change their variant"


def test_a_caller_is_answered_the_same_way_however_the_number_is_written() -> None:
    ours = variants()
    chosen = {
        ours.choose("reception", number, call_id) for number, call_id in (("+14155550142", "1"), ("14155550142", "2"))
    }
    assert len(chosen) == 1
    (choice,) = chosen
    assert (choice.agent, choice.experiment, choice.key) == ("reception", "tone", f"reception/{choice.variant}")


def test_who_withholds_the_number_is_judged_by_the_call() -> None:
    ours = variants()
    for number in ("", "anonymous", "+266696687"):
        by_call = Counter(ours.choose("reception", number, f"call {each}").variant for each in range(400))
        assert min(by_call["control"], by_call["calm"]) > 140
        assert ours.choose("reception", number) == Choice("reception")


def test_agents_without_an_experiment_have_no_variant() -> None:
    assert variants().choose("sales", "+14155550142", "1") == Choice("sales")
    assert Choice("sales").key == "sales"


def test_the_salt_is_the_experiments_name_if_not_set() -> None:
    named, salted = variants(), variants(salt="tone")
    other = variants(salt="another")
    numbers = [f"+1415555{number:04}" for number in range(200)]
    chosen = [[each.choose("reception", number).variant for number in numbers] for each in (named, salted, other)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_the_name_of_a_choice() -> None:
    assert Choice("a").key == "a"
    assert Choice("a", language="es").key == "a@es"
    assert Choice("a", "tone", "calm", "es").key == "a/calm@es"
