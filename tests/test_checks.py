from dataclasses import asdict

from offhook.checks import Check


def test_a_check_as_json_has_four_fields() -> None:
    assert asdict(Check("port", "good", "free")) == {"name": "port", "state": "good", "found": "free", "remedy": ""}
