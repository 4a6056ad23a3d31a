"""Two who bring in the same file at once: each line comes in once, and both come to an end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from loyalty.book.audit import audit, scopes
from loyalty.cli.import_file import bring_file
from loyalty.transaction import across_tenants, transaction
from tests.opened import opened
from tests.tenant import TestTenant

MOST = 3000
_COUNTS = text(
    "SELECT (SELECT count(*) FROM membership), (SELECT count(*) FROM identifier),"
    " (SELECT count(*) FROM opening_balance), (SELECT sum(available) FROM account)"
)


def test_each_line_comes_in_once(tenant: TestTenant, tmp_path: Path) -> None:
    with transaction(tenant.id) as session:
        opened(session)
    members, balances = tmp_path / "members.csv", tmp_path / "balances.csv"
    members.write_text(
        "member_id,identifier.card\n" + "".join(f"m-{n},c-{n}\n" for n in range(MOST))
    )
    balances.write_text(
        "reference,member_id,points\n" + "".join(f"r-{n},m-{n % 100},1\n" for n in range(MOST))
    )
    backwards = tmp_path / "backwards.csv"
    first, *lines = balances.read_text().splitlines(keepends=True)
    backwards.write_text(first + "".join(reversed(lines)))

    def bring(turn: tuple[str, Path, int]) -> None:
        what, file, number = turn
        refused = tmp_path / f"{number}.refused"
        bring_file(tenant.slug, "wine", what, file, "csv", refused, dry_run=False)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(bring, [("members", members, 1), ("members", members, 2)]))
        list(threads.map(bring, [("balances", balances, 3), ("balances", backwards, 4)]))
    assert not list(tmp_path.glob("*.refused"))
    with transaction(tenant.id) as session:
        assert tuple(session.execute(_COUNTS).one()) == (MOST, MOST, MOST, MOST)
    with across_tenants(snapshot=True) as session:
        assert [one.broken for one in audit(session, scopes(session, tenant.slug, None))] == [[]]


pytestmark = pytest.mark.timeout(120)
