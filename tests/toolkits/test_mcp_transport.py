import sys
from pathlib import Path

import pytest

from offhook.config import McpSettings
from offhook.errors import ConfigError
from offhook.toolkits.mcp_transport import check_program, opened
from offhook.toolkits.secrets import Secrets


def never(status: int) -> None:
    raise AssertionError(status)


def test_a_program_on_the_path_and_one_by_its_path() -> None:
    check_program("shop", McpSettings(command="sh"))
    check_program("shop", McpSettings(command=sys.executable))
    check_program("shop", McpSettings(url="http://127.0.0.1:1/"))


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("x")
    with pytest.raises(ConfigError, match=r"mcp\.shop\.command: there is no program \./shop"):
        check_program("shop", McpSettings(command="./shop", cwd=tmp_path))


async def test_the_end_of_a_program_is_told() -> None:
    ends: list[str] = []
    settings = McpSettings(command=sys.executable, args=("-c", "pass"))
    async with opened(settings, Secrets({}), lambda: ends.append("end"), never) as (reading, _):
        assert ends == []
        async with reading:
            assert [message async for message in reading] == []
        assert ends == ["end"]
