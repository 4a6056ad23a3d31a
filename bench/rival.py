"""The peer, started with the processes and threads that ours has, on the same servers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

from bench.load import Address
from bench.purchases import MEMBERS
from bench.servers import HOST, Database, Processes, Servers, answers, celery_worker, served, until
from loyalty.cli.parts import ROOT
from loyalty.embedded.postgres import OWNER
from loyalty.embedded.valkey import free_port

_DATABASE = "peer"


class Rival:
    """Web and worker of bench/peer on a database and a Valkey number of their own."""

    key = "peer-key-of-the-tills"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self.env = {
            "DATABASE_URL": servers.postgres.url(OWNER, _DATABASE),
            "REDIS_URL": servers.valkey.url(1),
        }
        self.database = Database(servers, _DATABASE)
        self.processes = Processes(servers.folder, self.env)
        self.address: Address = (HOST, free_port())

    def start(self) -> None:
        """Makes tables and members, starts both; ready when the web answers."""
        self._servers.make_database(_DATABASE)
        subprocess.run(
            [sys.executable, "-m", "bench.peer.seed", self.key, str(MEMBERS)],
            cwd=ROOT,
            env=self.processes.env,
            check=True,
        )
        self.processes.start(served("bench.peer.app:app", "peer-web", self.address[1]))
        self.processes.start(celery_worker("bench.peer.tasks", "peer-worker"))
        until(lambda: answers(f"http://{HOST}:{self.address[1]}/healthz"), "the peer")

    def is_done(self) -> bool:
        """Whether every purchase is credited."""
        return not self.database.rows("SELECT 1 FROM purchases WHERE status = 'accepted' LIMIT 1")

    def credited(self, bodies: Iterable[bytes]) -> tuple[int, float]:
        """How many of the accepted purchases have an entry, and the last commit of one (epoch)."""
        [(count, last)] = self.database.rows(
            "SELECT count(*), max(extract(epoch FROM pg_xact_commit_timestamp(xmin)))"
            " FROM ledger_entries WHERE purchase_id = ANY(%s)",
            [json.loads(body)["id"] for body in bodies],
        )
        return count, float(last or 0)

    def stop(self) -> None:
        """Ends the processes."""
        self.processes.stop()
        self.database.close()
