"""What every command has: the stack it speaks to, and troubles told in one sentence."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from loyalty.cli import surroundings
from loyalty.cli.console import trouble
from loyalty.cli.trouble import Trouble
from loyalty.config import ConfigurationError
from loyalty.embedded import CannotStart
from loyalty.errors import Invalid, Problem

Command = TypeVar("Command", bound=Callable[..., Any])

data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=surroundings.DEFAULT_DATA,
    envvar="LOYALTY_DATA",
    show_default=True,
    help="The stack's folder.",
)
tenant = click.option("--tenant", default="default", show_default=True)
json_ = click.option("--json", "as_json", is_flag=True, help="For scripts: one document.")


def user() -> str:
    """Who sits at this terminal."""
    return os.environ.get("USER") or "cli"


def in_one_sentence(command: Command) -> Command:
    """What can go wrong is told in a sentence, and the exit code is 1."""

    @wraps(command)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (CannotStart, ConfigurationError, Trouble) as error:
            trouble(str(error))
        except Invalid as problem:  # its cure is for who sent fields
            trouble(" ".join(error.detail for error in problem.errors) or problem.detail)
        except Problem as problem:
            trouble(f"{problem.detail} {problem.cure}")
        except BrokenPipeError:  # `| head` has read enough; click ends quietly
            raise
        except OSError as error:
            what = error.filename or "A file"
            why = error.strerror or error
            trouble(f"{what} cannot be used ({why}): name another place, or mend it.")
        except _drivers_errors() as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            trouble(f"The servers do not answer ({first}): ask `loyalty doctor`.")
        sys.exit(1)

    return told  # type: ignore[return-value]


def _drivers_errors() -> tuple[type[Exception], ...]:
    """Loaded only when something went wrong."""
    import psycopg2
    import redis
    from sqlalchemy.exc import OperationalError

    return (psycopg2.OperationalError, OperationalError, redis.RedisError)
