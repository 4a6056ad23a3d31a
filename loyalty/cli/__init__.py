"""`loyalty …`: the front door at a terminal."""

from loyalty.cli.commands import main

__all__ = ["main"]
