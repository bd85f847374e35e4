"""The command line."""

__all__ = ["main"]


def main() -> None:
    """Entry of the `offhook` command."""
