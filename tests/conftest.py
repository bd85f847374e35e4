import gc
from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    # Python 3.11 at times gives up building a syntax tree if a collection of garbage runs code in the middle of it
    # ("AST constructor recursion depth mismatch"), and pytest builds one of every test file.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
