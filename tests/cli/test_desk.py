"""The desk at a terminal: tables for people, one document for scripts, and a sentence for "no"."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from loyalty.cli.commands import main
from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities, fail
from loyalty.programs.queries import program_by_slug
from loyalty.programs.settings import settings_from_json
from loyalty.transaction import transaction
from tests.earning.give_back.given import returned, settled
from tests.earning.given import bought, stored
from tests.opened import joined, opened
from tests.stack import Stack
from tests.tenant import TestTenant

_DAYS = ("--from", "2026-01-01", "--until", "2100-01-01", "--reason", "a wrong rate")


@pytest.fixture
def tenant(tenant: TestTenant) -> TestTenant:
    """A tenant with the program "wine" and its members ann, 10 points, and ben, 700."""
    return _stocked(tenant)


def _stocked(tenant: TestTenant) -> TestTenant:
    with transaction(tenant.id) as session:
        settings = settings_from_json({"approval": {"admin_adjusts_up_to": 1000}})
        program = opened(session, settings=settings)
        joined(session, program, "ann", 10)
        joined(session, program, "ben", 700)
    return tenant


def _run(tenant: TestTenant, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--tenant", tenant.slug], catch_exceptions=False)


def _json(tenant: TestTenant, *words: str) -> Any:
    ended = _run(tenant, *words, "--json")
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def _purchase(tenant: TestTenant, key: str = "R-1") -> UUID:
    """Ann's, of 12 USD, just now; judged."""
    at = wall_clock()
    with transaction(tenant.id) as session:
        earn = bought("12", key=key, occurred_at=at)
        [made] = stored(session, program_by_slug(session, "wine"), earn, at=at)
        award_activities(session, [made], at)
    return made


def _failed(tenant: TestTenant, key: str, detail: str) -> UUID:
    """A purchase that could not be judged."""
    at = wall_clock()
    with transaction(tenant.id) as session:
        earn = bought("12", key=key, occurred_at=at)
        [made] = stored(session, program_by_slug(session, "wine"), earn, at=at)
        assert fail(session, made, "KeyError", detail, at)
    return made


def test_members_are_found_by_what_they_have(tenant: TestTenant) -> None:
    titles, row = _run(tenant, "members", "find", "wine", "--points-gte", "500").output.splitlines()
    assert titles.split()[:6] == ["member", "name", "status", "tier", "available", "pending"]
    assert row.split()[:4] == ["ben", "active", "Gold", "700"]
    both = _json(tenant, "members", "find", "wine", "--sort", "points")
    assert [one["member_id"] for one in both["data"]] == ["ann", "ben"]
    assert (both["data"][0]["points"]["available"], both["more"]) == (10, False)
    one = _json(tenant, "members", "find", "wine", "--limit", "1")
    assert ([found["member_id"] for found in one["data"]], one["more"]) == (["ben"], True)
    said = _run(tenant, "members", "find", "wine", "--limit", "1").output
    assert "And more than these 1" in said
    assert _run(tenant, "members", "find", "wine", "zoe").output == "Nobody is found.\n"


def test_a_statement_is_the_entries(tenant: TestTenant) -> None:
    assert _run(tenant, "adjust", "wine", "ann", "-4", "--reason", "a slip").output == (
        "4 points taken from ann: 6 are available now.\n"
    )
    _, newest, oldest = _run(tenant, "statement", "wine", "ann").output.splitlines()
    assert newest.split()[3:] == ["4", "points", "taken:", "a", "slip", "-4", "6"]
    assert oldest.split()[3:] == ["10", "points", "given:", "a", "test", "+10", "10"]
    told = _json(tenant, "statement", "wine", "ann", "--limit", "1")
    assert [one["change"] for one in told["data"]] == [{"available": -4}]
    assert told["more"] is True


def test_an_entry_is_explained(tenant: TestTenant) -> None:
    [entry] = _json(tenant, "statement", "wine", "ann")["data"]
    said = _run(tenant, "explain", entry["id"]).output
    assert f"Entry {entry['id']} of ann in wine" in said
    assert "10 points given: a test" in said
    assert _json(tenant, "explain", entry["id"])["cause"]["kind"] == "adjustment"


def test_an_adjustment_is_made_once_per_key(tenant: TestTenant) -> None:
    words = ("adjust", "wine", "ann", "100", "--reason", "a gift", "--key", "gift-1")
    first, again = _json(tenant, *words), _json(tenant, *words)
    assert first == again
    assert first["balance"]["available"] == 110
    assert "done before, under the same key" in _run(tenant, *words).output
    other = _run(tenant, *words[:3], "101", *words[4:])
    assert (other.exit_code, other.stdout) == (1, "")
    assert "This key came with another input before" in other.stderr


def test_a_large_adjustment_waits_for_a_second_person(tenant: TestTenant) -> None:
    words = ("adjust", "wine", "ann", "1001", "--reason", "a large gift")
    said = _run(tenant, *words)
    assert said.exit_code == 0
    assert said.output.startswith("A second person is to approve, until ")
    told = _json(tenant, *words)
    assert (told["status"], told["requested_by"][:9]) == ("requested", "operator:")
    assert len(_json(tenant, "statement", "wine", "ann")["data"]) == 1


def test_a_purchase_is_explained(tenant: TestTenant) -> None:
    purchase = _purchase(tenant)
    said = _run(tenant, "explain", str(purchase)).output
    assert f"Purchase {purchase} of ann in wine: awarded" in said
    assert "12 USD at 1 point per 1 USD: 12 points." in said
    told = _json(tenant, "explain", str(purchase))
    [entry] = told["explanation"]["entries"]
    assert "12 points earned for 12.00 USD (till-1 R-1)" in _run(tenant, "explain", entry).output


def test_a_return_is_explained(tenant: TestTenant) -> None:
    _purchase(tenant)
    with transaction(tenant.id) as session:
        program = program_by_slug(session, "wine")
        back = settled(session, program, returned("R-1", amount="2"), wall_clock())
    said = _run(tenant, "explain", str(back.id)).output
    assert f"Return {back.id} of ann in wine: settled" in said
    assert "2 points given back" in said
    assert _json(tenant, "explain", str(back.id))["points"] == 2


def test_what_failed_is_tried_again(tenant: TestTenant) -> None:
    bugs = [_failed(tenant, f"R-{number}", "a bug") for number in range(3)]
    other = _failed(tenant, "R-9", "another bug")
    dry = _json(tenant, "retry-failed", "wine", "--dry-run")
    assert dry == {
        "dry_run": True,
        "failed": 4,
        "because": [
            {"what": "earn", "detail": "a bug", "count": 3},
            {"what": "earn", "detail": "another bug", "count": 1},
        ],
    }
    assert "4 would be tried again." in _run(tenant, "retry-failed", "wine", "--dry-run").output
    assert _run(tenant, "retry-failed", "wine", "--source", "x").output == "Nothing has failed.\n"
    lines = _run(tenant, "retry-failed", "wine").output.splitlines()
    assert [line.split() for line in lines] == [
        ["what", "how", "many", "with", "what"],
        ["purchase", "3", "a", "bug"],
        ["purchase", "1", "another", "bug"],
        ["4", "are", "tried", "again", "now."],
    ]
    assert _run(tenant, "retry-failed", "wine").output == "Nothing has failed.\n"
    with transaction(tenant.id) as session:
        [kept] = session.execute(
            text("SELECT before FROM audit_record WHERE act = 'earn.retry'")
        ).scalars()
    assert set(kept["ids"]) == {str(one) for one in (*bugs, other)}


def test_purchases_are_worked_out_again(stack: Stack) -> None:
    tenant = _stocked(stack.tenant())
    _purchase(tenant)
    told = _json(tenant, "re-evaluate", "wine", *_DAYS, "--dry-run", "--within", "60")
    assert (told["status"], told["looked"], told["corrected"]) == ("done", 1, 0)
    assert told["from"] == "2026-01-01T00:00:00Z"
    said = _run(tenant, "re-evaluate", "wine", *_DAYS, "--within", "60").output.splitlines()
    assert said[0].split() == ["looked", "corrected", "skipped", "given", "taken"]
    assert said[1].split() == ["1", "0", "0", "0", "0"]
    assert said[2].endswith(" is done.")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("members", "find", "beer"), "There is no program 'beer'."),
        (("statement", "wine", "zoe"), "zoe"),
        (("explain", "10"), "'10' is neither an entry"),
        (("explain", "999999-1"), "There is no entry 999999-1."),
        (("explain", str(uuid4())), "There is neither a purchase nor a return"),
        (("adjust", "wine", "ann", "-11", "--reason", "x"), "10"),
        (("adjust", "wine", "zoe", "1", "--reason", "x"), "zoe"),
        (("retry-failed", "beer"), "There is no program 'beer'."),
        (("re-evaluate", "wine", *_DAYS[:1], "soon", *_DAYS[2:]), "'soon' is no day"),
        (("re-evaluate", "wine", *_DAYS, "--version", "2"), "A promotion comes with its version."),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    tenant: TestTenant, words: tuple[str, ...], sentence: str
) -> None:
    for as_json in ((), ("--json",)):
        ended = _run(tenant, *words, *as_json)
        assert (ended.exit_code, ended.stdout) == (1, "")
        [said] = ended.stderr.splitlines()
        assert sentence in said


@pytest.mark.parametrize(
    "words",
    [
        ("adjust", "wine", "ann", "0", "--reason", "x"),
        ("adjust", "wine", "ann", "1", "--reason", ""),
        ("adjust", "wine", "ann", "1", "--reason", "x" * 501),
        ("adjust", "wine", "ann", "1", "--reason", "x", "--key", "with space"),
        ("adjust", "wine", "ann", str(2**53), "--reason", "x"),
        ("adjust", "wine", "ann", "1.5", "--reason", "x"),
        ("adjust", "wine", "ann", "1"),
        ("members", "find", "wine", "--limit", "0"),
        ("members", "find", "wine", "--sort", "name"),
        ("statement", "wine"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_asked(
    tenant: TestTenant, words: tuple[str, ...]
) -> None:
    ended = _run(tenant, *words)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Error: " in ended.stderr


def test_the_book_is_audited_for_a_script(tenant: TestTenant) -> None:
    told = _json(tenant, "audit")
    assert (told["programs"], told["accounts"], told["broken"]) == (1, 2, [])
