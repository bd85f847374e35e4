"""`python -m backend`: the company's HTTP API on 127.0.0.1:8081."""

import argparse
import os
from pathlib import Path

from aiohttp import web

from .api import make_app
from .store import Store


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="backend", description="The system of a small home-services company.")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--file", type=Path, default=Path("var/home-services.sqlite3"), help="where the data is kept")
    options = parser.parse_args()
    app = make_app(Store(options.file), os.environ.get("BACKEND_API_KEY", ""))
    web.run_app(app, host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    main()
