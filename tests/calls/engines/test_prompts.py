from offhook.calls.engines.prompts import keys_pressed, nearly_over, verbatim


def test_a_line_is_quoted_at_the_end() -> None:
    assert verbatim("Hello there.").endswith(': "Hello there."')


def test_keys_are_told_as_to_a_language_model() -> None:
    assert keys_pressed("12#") == "[keypad] 12#"


def test_how_long_a_call_still_lasts() -> None:
    assert "ended in 25 seconds" in nearly_over(25)
