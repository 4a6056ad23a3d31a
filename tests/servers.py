"""The tests' own Postgres and Valkey: one Postgres a run, a database and a Valkey each worker."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import psycopg2

from loyalty.embedded import CannotStart, Postgres, Valkey, claim
from loyalty.embedded.postgres import APP, OWNER, SYSTEM

_PREFIX = "loyalty-test-"
TEMPLATE = "loyalty_template"


class Run:
    """What all workers of one test run share: a folder, and a Postgres in it when it is needed."""

    def __init__(self) -> None:
        _sweep_up_after_killed_runs()
        self._stack = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.folder.chmod(0o700)
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._stack.enter_context(claim(self.folder))
        self.postgres = Postgres(self.folder / "postgres", durable=False)
        atexit.register(self.end)

    def start(self) -> None:
        """Starts Postgres and makes the migrated template that every worker's database copies."""
        if self.postgres.process is not None:
            return
        self.postgres.start()
        self._stack.callback(self.postgres.stop)
        create_database(self.postgres, TEMPLATE, template="template1")
        from loyalty.cli.migrate import upgrade

        upgrade(self.postgres.url(OWNER, TEMPLATE))

    def end(self) -> None:
        """Stops what was started and removes the folder."""
        self._stack.close()


class Own:
    """What one worker has for itself: the environment is known before the servers are needed."""

    def __init__(self, postgres: Postgres, folder: Path, name: str) -> None:
        self.postgres = postgres
        self.database = f"test_{name}"
        self.folder = folder / name
        self.folder.mkdir()
        (self.folder / "metrics").mkdir()  # also for a process that counted before it knew where
        self.valkey = Valkey(self.folder / "valkey")
        self.valkey.start()

    def environment(self) -> dict[str, str]:
        """The variables that point every process at this worker's servers."""
        return {
            "DATABASE_URL": self.postgres.url(APP, self.database),
            "DATABASE_OWNER_URL": self.postgres.url(OWNER, self.database),
            "DATABASE_SYSTEM_URL": self.postgres.url(SYSTEM, self.database),
            "REDIS_URL": self.valkey.url(),
            "LOYALTY_DATA": str(self.folder),
        }

    def make_database(self) -> None:
        """A copy of the migrated template."""
        create_database(self.postgres, self.database, template=TEMPLATE)


def create_database(postgres: Postgres, name: str, *, template: str) -> None:
    """A database that belongs to the owner of the tables."""
    connection = psycopg2.connect(postgres.superuser_url())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")
    finally:
        connection.close()


def _sweep_up_after_killed_runs() -> None:
    """The servers of a killed run end with it; its folder is left, and nobody claims it."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if folder.stat().st_uid == os.geteuid():
            with contextlib.suppress(CannotStart), claim(folder):
                shutil.rmtree(folder, ignore_errors=True)
