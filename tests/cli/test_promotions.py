"""`loyalty promotions`: rules out and in, as one file."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from loyalty.cli.commands import main
from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.promotions.desk import every_promotion
from loyalty.transaction import transaction
from tests.earning.given import bought, stored
from tests.opened import joined, opened
from tests.tenant import TestTenant

_RULES = """
segments:
  vip: {name: Friends of the house}
promotions:
  bread:
    name: Bread counts double
    rule:
      when: {category: [food/bread]}
      multiplier: 2
    fixtures:
    - purchase: {items: [{category: food/bread, amount: 12.50}]}
      points: 24
"""


def _run(tenant: TestTenant, act: str, *words: str) -> Result:
    return CliRunner().invoke(
        main, ["promotions", act, "wine", *words, "--tenant", tenant.slug], catch_exceptions=False
    )


def _file(folder: Path, text: str) -> str:
    file = folder / "rules.yaml"
    file.write_text(text)
    return str(file)


def test_rules_go_in_as_drafts_are_published_and_go_out(tenant: TestTenant, tmp_path: Path) -> None:
    with transaction(tenant.id) as session:
        opened(session)
    file = _file(tmp_path, _RULES)
    taken = _run(tenant, "import", file)
    assert (taken.exit_code, taken.output.splitlines()) == (
        0,
        ["Segment 'vip' is saved.", "Promotion 'bread' is a draft."],
    )
    differs = _run(tenant, "diff", file)
    assert differs.exit_code == 1
    assert "+    name: Bread counts double" in differs.output
    titles, row = _run(tenant, "publish").output.splitlines()
    assert titles.split() == ["published", "version", "from", "(UTC)", "until", "(UTC)"]
    assert row.split()[:2] == ["bread", "1"]
    assert _run(tenant, "publish").output == "There is no draft.\n"
    out = _run(tenant, "export")
    assert out.exit_code == 0
    whole = _file(tmp_path, out.output)
    same = _run(tenant, "diff", whole)
    assert (same.exit_code, same.output) == (0, "")
    assert _run(tenant, "import", whole).output == "Nothing differs.\n"


def test_a_fixture_that_fails_lets_nothing_in(tenant: TestTenant, tmp_path: Path) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
    other = "  also:\n    name: Also\n    rule: {fixed: 5}\n"
    file = _file(tmp_path, _RULES.replace("points: 24", "points: 37") + other)
    refused = _run(tenant, "import", file, "--publish")
    assert refused.exit_code == 1
    assert "Promotion 'bread' was not published." in refused.output
    assert "/fixtures/0/points: 37 points were expected, 24 came" in refused.output
    with transaction(tenant.id) as session:
        assert [one.key for one in every_promotion(session, program.id)] == ["standing"]


def test_all_of_it_is_in_force_at_once(tenant: TestTenant, tmp_path: Path) -> None:
    with transaction(tenant.id) as session:
        opened(session)
    rules = "earn_rate: {points: 5, per: 1}\n" + _RULES.replace("points: 24", "points: 124")
    done = _run(tenant, "import", _file(tmp_path, rules), "--publish")
    assert done.output.splitlines() == [
        "Segment 'vip' is saved.",
        "The earn rate is changed.",
        "Promotion 'bread' is published.",
    ]


def test_a_draft_is_tried_on_real_purchases(tenant: TestTenant, tmp_path: Path) -> None:
    at = wall_clock()
    with transaction(tenant.id) as session:
        program = opened(session)
        joined(session, program)
        ids = stored(session, program, bought("10", key="t-1", occurred_at=at), at=at)
        award_activities(session, ids, at)
    rules = "promotions: {new: {name: New, rule: {multiplier: 3}}}"
    _run(tenant, "import", _file(tmp_path, rules))
    told = CliRunner().invoke(
        main, ["promotions", "rehearse", "wine", "new", "--tenant", tenant.slug]
    )
    assert told.output.splitlines() == [
        "1 purchases of 30 days: 1 of 1 members would differ, 10 points would be 30.",
        "  till-1 t-1: 10 → 30 (standing 10, new 20)",
    ]


def test_versions_to_come_are_published_too(tenant: TestTenant, tmp_path: Path) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
    later = "    later: [{starts_at: 2100-01-01T00:00:00Z, rule: {fixed: 7}}]\n"
    file = _file(tmp_path, f"promotions:\n  b:\n    name: B\n    rule: {{fixed: 5}}\n{later}")
    done = _run(tenant, "import", file, "--publish")
    assert done.output == "Promotion 'b' is published.\n"
    with transaction(tenant.id) as session:
        _, promotion = every_promotion(session, program.id)
    assert [(one.rule, one.draft) for one in promotion.versions] == [
        ({"fixed": 5}, False),
        ({"fixed": 7}, False),
    ]
    assert _run(tenant, "import", file, "--publish").output == "Nothing differs.\n"


def test_what_makes_no_sense_is_said_in_a_sentence(tenant: TestTenant, tmp_path: Path) -> None:
    with transaction(tenant.id) as session:
        opened(session)
    refused = _run(tenant, "import", _file(tmp_path, "promotions: {a: {name: A, rule: {x: 1}}}"))
    assert refused.exit_code == 1
    assert "/promotions/a/rule/x: Known are" in refused.output
    refused = _run(tenant, "import", _file(tmp_path, "a: [1"))
    assert "The file cannot be read" in refused.output
