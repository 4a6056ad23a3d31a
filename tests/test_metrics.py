"""What the workers count is counted, whoever imported the library first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

_AS_IN_A_WORKER = """
import prometheus_client  # as Flower's command does in every `celery` process
from loyalty import metrics
metrics.awarded([0.5, 0.25])
"""


def test_a_worker_counts_although_flower_imports_the_library_first(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    env["LOYALTY_DATA"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", _AS_IN_A_WORKER], env=env, check=True)
    seen = CollectorRegistry()
    MultiProcessCollector(seen, path=str(tmp_path / "metrics"))  # type: ignore[no-untyped-call]
    assert seen.get_sample_value("loyalty_awards_total") == 2
    assert seen.get_sample_value("loyalty_accepted_to_awarded_seconds_sum") == 0.75
