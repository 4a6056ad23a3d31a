"""`loyalty import`, `export`, `erase`: a file in, also when it is cut short; everything out."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from loyalty.book.audit import audit, scopes
from loyalty.cli.commands import main
from loyalty.cli.parts import ROOT
from loyalty.transaction import across_tenants, transaction
from tests.opened import opened
from tests.stack import until
from tests.tenant import TestTenant

MEMBERS = "member_id,name,identifier.card\n"
_COUNTS = text(
    "SELECT (SELECT count(*) FROM member), (SELECT count(*) FROM membership),"
    " (SELECT count(*) FROM account), (SELECT count(*) FROM identifier),"
    " (SELECT count(*) FROM opening_balance), (SELECT count(*) FROM entry)"
)


@pytest.fixture
def wine(tenant: TestTenant) -> TestTenant:
    """A tenant with a program in which nobody is."""
    with transaction(tenant.id) as session:
        opened(session)
    return tenant


def run(tenant: TestTenant, *words: str) -> Result:
    """The command in this process."""
    return CliRunner().invoke(main, [*words, "--tenant", tenant.slug], catch_exceptions=False)


def counts(tenant: TestTenant) -> tuple[int, ...]:
    """How many members, memberships, accounts, identifiers, opening balances and entries."""
    with transaction(tenant.id) as session:
        return tuple(session.execute(_COUNTS).one())


def test_a_file_comes_in_and_the_refused_lines_say_why(wine: TestTenant, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text(MEMBERS + "ann,Ann,1\nbob,Bob,1\ncarl,Carl,\n")
    told = run(wine, "import", "members", str(file), "--program", "wine")
    assert told.exit_code == 1
    assert told.output.splitlines() == [
        "3 lines: 2 added, 0 changed, 0 as they were, 1 refused",
        f"1 lines were refused; {file}.refused.ndjson says why.",
    ]
    [line] = (tmp_path / "members.csv.refused.ndjson").read_text().splitlines()
    assert json.loads(line) == {
        "line": 3,
        "subject": "bob",
        "code": "identifier_taken",
        "detail": "Another member has the card 1.",
    }
    file.write_text(MEMBERS + "ann,Ann,1\nbob,Bob,2\ncarl,Carl,\n")
    dry = run(wine, "import", "members", str(file), "--program", "wine", "--dry-run")
    would = "3 lines: 1 would be added, 0 would be changed, 2 as they were, 0 refused\n"
    assert dry.output == would
    assert counts(wine)[0] == 2
    told = run(wine, "import", "members", str(file), "--program", "wine")
    assert told.output == "3 lines: 1 added, 0 changed, 2 as they were, 0 refused\n"
    assert not (tmp_path / "members.csv.refused.ndjson").exists()


def test_a_file_that_is_none_is_refused_in_a_sentence(wine: TestTenant, tmp_path: Path) -> None:
    file = tmp_path / "members.txt"
    file.write_text("x")
    told = run(wine, "import", "members", str(file), "--program", "wine")
    assert (told.exit_code, told.output) == (
        1,
        f"{file} is neither .csv nor .ndjson: name it after what it holds.\n",
    )


def test_a_place_where_nothing_can_be_written_is_told_in_a_sentence(
    wine: TestTenant, tmp_path: Path
) -> None:
    file = tmp_path / "nowhere" / "all.zip"
    told = run(wine, "export", str(file))
    why = "No such file or directory"
    sentence = f"{file}.part cannot be used ({why}): name another place, or mend it.\n"
    assert (told.exit_code, told.output) == (1, sentence)


@pytest.mark.timeout(300)
def test_whoever_is_killed_in_the_middle_goes_on_and_nothing_is_twice(
    wine: TestTenant, tmp_path: Path
) -> None:
    members, balances = tmp_path / "members.csv", tmp_path / "balances.csv"
    most = 12_000
    members.write_text(MEMBERS + "".join(f"m-{n},M {n},c-{n}\n" for n in range(most)))
    balances.write_text(
        "reference,member_id,points\n" + "".join(f"r-{n},m-{n},{n + 1}\n" for n in range(most))
    )
    for what, file, column in (("members", members, 0), ("balances", balances, 4)):
        words = ["import", what, str(file), "--program", "wine", "--tenant", wine.slug]
        command = [sys.executable, "-m", "loyalty.cli", *words]
        for _ in range(2):
            _killed_when_some_more_came(wine, command, column)
        assert 0 < counts(wine)[column] < most
        told = run(wine, *words[:5])
        assert told.exit_code == 0, told.output
    assert counts(wine) == (most, most, most, most, most, most)
    with transaction(wine.id) as session:
        assert session.scalar(text("SELECT sum(available) FROM account")) == most * (most + 1) // 2
    with across_tenants(snapshot=True) as session:
        assert [one.broken for one in audit(session, scopes(session, wine.slug, None))] == [[]]


def _killed_when_some_more_came(wine: TestTenant, command: list[str], column: int) -> None:
    before = counts(wine)[column]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        until(lambda: counts(wine)[column] > before, "lines to come in", 60)
    finally:
        running.kill()
        running.wait()


def test_everything_goes_out_and_a_member_is_erased(wine: TestTenant, tmp_path: Path) -> None:
    file = tmp_path / "members.ndjson"
    file.write_text('{"member_id": "ann", "name": "Ann"}\n{"member_id": "bob"}\n')
    assert run(wine, "import", "members", str(file), "--program", "wine").exit_code == 0
    out = tmp_path / "all.zip"
    told = run(wine, "export", str(out))
    assert told.exit_code == 0, told.output
    with zipfile.ZipFile(out) as archive:
        assert len(archive.read("member.ndjson").splitlines()) == 2
    one = tmp_path / "ann.ndjson"
    assert run(wine, "export", str(one), "--member", "ann").exit_code == 0
    *lines, end = [json.loads(line) for line in one.read_text().splitlines()]
    assert [line["data"]["name"] for line in lines if line["type"] == "member"] == ["Ann"]
    assert end["data"]["member"] == 1
    assert not list(tmp_path.glob("*.part"))
    told = run(wine, "erase", "ann", "--reason", "asked for it", "--yes")
    assert told.output == ("Erased: one name, in 1 programs. Nothing tells any more who it was.\n")
    gone = run(wine, "export", str(one), "--member", "ann")
    assert (gone.exit_code, "There is no member ann" in gone.output) == (1, True)
