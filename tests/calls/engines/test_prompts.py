from offhook.calls.engines.prompts import keys_pressed, verbatim


def test_a_line_is_quoted_at_the_end() -> None:
    assert verbatim("Hello there.").endswith(': "Hello there."')


def test_keys_are_told_as_to_a_language_model() -> None:
    assert keys_pressed("12#") == "[keypad] 12#"
