import pytest

from offhook.errors import ProviderError
from offhook.providers.usage import Usage, may_have_worked, tokens_of


def test_only_what_was_used_is_a_count() -> None:
    assert Usage().counts == {}
    assert Usage(audio_in=3, seconds=1.5, estimated=True, transcribed_by="m").counts == {"audio_in": 3, "seconds": 1.5}


def test_a_sum_is_an_estimate_where_a_part_is_one() -> None:
    whole = Usage(text_in=1, audio_out=2) + Usage(text_in=10, seconds=0.5, estimated=True)
    assert whole == Usage(text_in=11, audio_out=2, seconds=0.5, estimated=True)


@pytest.mark.parametrize(("characters", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2)])
def test_a_begun_token_is_one(characters: int, tokens: int) -> None:
    assert tokens_of(characters) == tokens


def test_who_was_given_up_may_have_worked_and_who_refused_has_not() -> None:
    late = ProviderError("late")
    late.__cause__ = TimeoutError()
    assert may_have_worked(late)
    assert not may_have_worked(ProviderError("no", status=503))
