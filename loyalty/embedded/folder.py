"""The data folder of a stack: made private, and claimed by one stack at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loyalty.embedded.process import CannotStart


@contextmanager
def claim(folder: Path) -> Iterator[Path]:
    """Makes the folder (mode 0700) and holds it for as long as this process lives.

    The claim is a lock of the kernel's, so that a killed stack leaves none behind.
    Raises CannotStart when another stack holds it or nothing can be written there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(
            f"Cannot write in {folder} ({error.strerror}): "
            "choose another folder with --data, or mend its permissions."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise CannotStart(
            f"Another stack is running in {folder}: stop it with Ctrl-C, "
            "or start this one with another --data."
        ) from None
    try:
        yield folder.resolve()
    finally:
        os.close(lock)
