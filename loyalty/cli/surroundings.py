"""Which stack a command talks to: the one that the environment names, else that of `--data`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from loyalty.config import secret
from loyalty.embedded import CannotStart

DEFAULT_DATA = Path("var")
_FILE = "stack.json"
_URLS = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SYSTEM_URL", "REDIS_URL")


@dataclass(frozen=True, slots=True)
class Stack:
    """What a running stack tells other commands. It holds passwords: readable by its user alone.

    `processes` maps a part's name to its pid and the second it was started, as the kernel has it.
    """

    url: str
    flower_url: str
    environment: dict[str, str]
    processes: dict[str, tuple[int, float]] = field(default_factory=dict)
    embedded_database: bool = False

    def write(self, data: Path) -> None:
        """Puts it into the data folder in one move."""
        fresh = data / f"{_FILE}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file, indent=2)
        fresh.replace(data / _FILE)


def read_stack(data: Path) -> Stack | None:
    """What the stack of this folder says, or said before it was killed."""
    try:
        told: dict[str, Any] = json.loads((data / _FILE).read_text())
        told["processes"] = {
            name: (int(pid), float(at)) for name, (pid, at) in told["processes"].items()
        }
        return Stack(**told)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise CannotStart(f"{data} belongs to another user: run this as that user.") from None
    except (ValueError, TypeError, KeyError):
        return None  # of another version


def forget_stack(data: Path) -> None:
    """Nothing runs here any more."""
    (data / _FILE).unlink(missing_ok=True)


def read_secret_files() -> None:
    """Puts the URLs that stand in files into this process' environment, and so its children's."""
    for name in _URLS:
        if url := secret(os.environ, name):
            os.environ[name] = url
            os.environ.pop(f"{name}_FILE", None)


def use(data: Path) -> Stack | None:
    """Points this process at the stack; call it before any module that reads the environment.

    Returns what the folder's stack says of itself. Raises CannotStart when there is no stack.
    """
    stack = read_stack(data)
    if secret(os.environ, "DATABASE_URL"):
        return stack
    if stack is None:
        raise CannotStart(
            f"No stack is running in {data}: start one with `loyalty up`, name its folder with "
            "--data, or set DATABASE_URL and REDIS_URL."
        )
    os.environ.update(stack.environment)
    return stack
