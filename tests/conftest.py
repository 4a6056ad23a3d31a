"""Real servers, a worker's own database, and tenants of one's own.

`session`  a transaction of a fresh tenant that is rolled back: for verbs and queries.
`tenant`   a fresh tenant whose rows are committed: for what opens its own transactions.
`alone`    a database of the module's own, in which no worker or sweeper of other tests is about.
`stack`    real web and worker processes (sweeper and beat when asked) on this worker's database.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.servers import Own, Run

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from tests.stack import Stack
    from tests.tenant import TestTenant

# The counters' folder is named before anything of the house is imported, and a conftest of a room
# that was named on the command line is imported before `pytest_configure`.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="loyalty-counters-")
atexit.register(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)

_RUN = pytest.StashKey[Run]()
_OWN = pytest.StashKey[Own]()


def _is_controller(config: pytest.Config) -> bool:
    """Of xdist: it runs no test itself, its workers do."""
    return not hasattr(config, "workerinput") and bool(config.getoption("numprocesses", None))


def pytest_configure(config: pytest.Config) -> None:
    """Sets the environment before any module of the house is imported."""
    if _is_controller(config):
        return
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is None:
        run = config.stash[_RUN] = Run()
        own = Own(run.postgres, run.folder, "main")
    else:
        from loyalty.embedded import Postgres

        folder = Path(given["loyalty_folder"])
        own = Own(Postgres(folder / "postgres", durable=False), folder, given["workerid"])
    config.stash[_OWN] = own
    os.environ.update(own.environment())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before xdist's controller starts a worker: the one Postgres that they share."""
    if _RUN not in node.config.stash:
        node.config.stash[_RUN] = Run()
        node.config.stash[_RUN].start()
    node.workerinput["loyalty_folder"] = str(node.config.stash[_RUN].folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops what was started, and nothing else."""
    if _OWN in config.stash:
        config.stash[_OWN].valkey.stop()
    if _RUN in config.stash:
        config.stash[_RUN].end()


@pytest.fixture(scope="session")
def database(pytestconfig: pytest.Config) -> Own:
    """This worker's database, migrated. Ask for it when a test needs tables but no tenant."""
    if _RUN in pytestconfig.stash:
        pytestconfig.stash[_RUN].start()
    own = pytestconfig.stash[_OWN]
    own.make_database()
    return own


@pytest.fixture(scope="session")
def _any_role(database: Own) -> Iterator[Engine]:
    """Connections that may take the part of any role within one transaction."""
    from sqlalchemy import create_engine

    url = database.postgres.superuser_url(database.database)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1))
    yield engine
    engine.dispose()


@pytest.fixture
def session(_any_role: Engine) -> Iterator[Session]:
    """A transaction as the application, of a fresh tenant (`session.info["tenant_id"]`)."""
    from sqlalchemy import text
    from sqlalchemy.orm import Session

    from loyalty.clock import wall_clock
    from loyalty.tenants.add_tenant import add_tenant

    with (
        _any_role.connect() as connection,
        connection.begin() as outer,
        Session(
            connection,
            autoflush=False,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
        ) as session,
    ):
        session.execute(text("SET LOCAL ROLE loyalty_system"))
        tenant_id = add_tenant(session, f"t-{uuid4().hex}", "Test", wall_clock())
        session.execute(text("SET LOCAL ROLE loyalty_app"))
        session.execute(
            text("SELECT set_config('loyalty.tenant', :tenant, true)"), {"tenant": str(tenant_id)}
        )
        session.info["tenant_id"] = tenant_id
        yield session
        outer.rollback()


@pytest.fixture
def tenant(database: Own) -> TestTenant:
    """A fresh tenant, committed, with tokens of every role."""
    from loyalty.transaction import across_tenants
    from tests.tenant import fresh_tenant

    with across_tenants() as session:
        return fresh_tenant(session)


@pytest.fixture(scope="module")
def alone(database: Own) -> Iterator[str]:
    """The name of the database: for committed work that nobody else may judge, settle or sweep.

    A tick may take its time here: on a slow machine too it comes to the end of what is due.
    """
    from loyalty.tasks import expiry, lifecycle, notifications, tiers
    from tests.elsewhere import database_alone

    with database_alone(database) as name, pytest.MonkeyPatch.context() as patch:
        for ticks in (expiry, lifecycle, notifications, tiers):
            patch.setattr(ticks, "BUDGET_S", 60.0)
        yield name


@pytest.fixture(scope="session")
def stack(database: Own) -> Iterator[Stack]:
    """Web and worker of this session; `stack.sweeper.start()` and `stack.beat.start()` if asked."""
    from tests.stack import Stack

    with Stack(database) as running:
        yield running


@pytest.fixture
def own_stack() -> Iterator[Stack]:
    """A stack with a Postgres and a Valkey of its own, for tests that kill them."""
    from tests.stack import Stack, own_servers

    with own_servers() as servers, Stack(servers) as running:
        yield running
