"""Which step advances which kind of job. A new kind is a step, and its line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from loyalty.jobs.bulk_acts.step import step as bulk_act
from loyalty.jobs.imports.step import next_chunk
from loyalty.jobs.step import Step

STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "bulk_act": bulk_act,
        "import": next_chunk,
    }
)
