import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.carriers.destinations import destination, extension, keys, sound_url
from offhook.errors import CallError


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+15550100", "+15550100"),
        (" +1 (555) 010-0199 ", "+15550100199"),
        ("918071387423", "918071387423"),
        ("+44.20/7946-0000", "+442079460000"),
        ("sip:desk_1@pbx.example.com:5062", "sip:desk_1@pbx.example.com:5062"),
        ("sips:a@b.example", "sips:a@b.example"),
    ],
)
def test_numbers_and_addresses(written: str, number: str) -> None:
    assert destination(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "12",
        "reception",
        "+1555<+1556",
        "+15550100,+15550101",
        "15+550100",
        "+1234567890123456",
        "sip:desk",
        "sip:a b@c.example",
        'sip:a@b.example"/><Dial>',
        "sip:a@b.example?x=1",
        "+1555\n0100",
        "\u0661\u0662\u0663\u0664",
    ],
)
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(CallError, match="is no telephone number"):
        destination(written)


@pytest.mark.parametrize("pressed", ["1", "0123456789*#ABCD", "1ww2W3"])
def test_keys(pressed: str) -> None:
    assert keys(pressed) == pressed


@pytest.mark.parametrize("pressed", ["", "12E", "1 2", "1" * 65, "a"])
def test_what_is_no_key(pressed: str) -> None:
    with pytest.raises(CallError, match="are no keys"):
        keys(pressed)


def test_files_have_addresses_of_the_web() -> None:
    assert sound_url("https://x.example/a.mp3") == "https://x.example/a.mp3"
    for wrong in ("ftp://x", "file:///etc/passwd", "x", ""):
        with pytest.raises(CallError, match="is no address of a file"):
            sound_url(wrong)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("6001", "6001"),
        ("60", "60"),
        ("+1 (555) 010-0", "+15550100"),
        (" sales ", "sales"),
        ("*97", "*97"),
        ("a-b.c", "a-b.c"),
    ],
)
def test_extensions_of_a_dialplan(written: str, meant: str) -> None:
    assert extension(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "6001,1",
        "6001&6002",
        "6001|1",
        "${EXTEN}",
        "a b",
        "6001\r\nAction: Logoff",
        "_X.",
        "a(b)",
        "6001@x",
        "x" * 66,
    ],
)
def test_what_is_no_extension(written: str) -> None:
    with pytest.raises(CallError, match="no extension"):
        extension(written)


@given(st.text() | st.text("+0123456789*#-_.,|&()[]{}$@:;/ \r\n\0aX"))
def test_an_extension_is_one_argument_on_one_line_or_none(written: str) -> None:
    try:
        chosen = extension(written)
    except CallError:
        return
    assert chosen.isascii()
    assert chosen.isprintable()
    assert not set(chosen) & set(",|&()[]{}$@:;/\\'\" ")
    assert chosen[0] != "_"
