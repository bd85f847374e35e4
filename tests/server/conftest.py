from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.board import Board, opened


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    async with opened(tmp_path) as board:
        yield board
