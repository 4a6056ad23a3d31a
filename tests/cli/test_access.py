"""`loyalty tenants`, `operators` and `keys`: who gets in, from a terminal."""

from __future__ import annotations

from uuid import uuid4

from click.testing import CliRunner, Result

from loyalty.audit.queries import records
from loyalty.cli.commands import main
from loyalty.clock import wall_clock
from loyalty.tenants import queries
from loyalty.tenants.add_key import opens, split_key
from loyalty.tenants.passwords import fits
from loyalty.transaction import across_tenants, transaction
from tests.tenant import TestTenant

PASSWORD = "correct horse battery"


def _run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, words, input=typed, catch_exceptions=False)


def _in(tenant: TestTenant, *words: str, typed: str | None = None) -> Result:
    ended = _run(*words, "--tenant", tenant.slug, typed=typed)
    assert ended.exit_code == 0, ended.output
    return ended


def test_a_tenant_is_added_suspended_and_resumed(database: object) -> None:
    slug = f"t-{uuid4().hex}"
    assert f"'{slug}' was added" in _run("tenants", "add", slug, "--name", "Acme").output
    assert slug in _run("tenants", "list").output
    assert "is suspended" in _run("tenants", "suspend", slug, "--reason", "unpaid").output
    refused = _run("tenants", "suspend", slug, "--reason", "unpaid")
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)
    assert "open again" in _run("tenants", "resume", slug, "--reason", "paid").output
    assert "from now on" in _run("tenants", "rotate-secret", slug, "--overlap", "0s").output
    with across_tenants() as session:
        tenant_id = queries.tenant_id_of(session, slug)
    with transaction(tenant_id) as session:
        acts = [one.act for one in records(session, None, 9)]
    assert acts == ["token_secret.rotate", "tenant.resume", "tenant.suspend", "tenant.add"]


def test_what_is_no_slug_is_said_in_a_sentence(database: object) -> None:
    for slug in ("Acme", "a b", "-x", "x" * 64):
        refused = _run("tenants", "add", "--", slug)
        assert (refused.exit_code, refused.output.count("\n")) == (1, 1), refused.output
        assert "errors" not in refused.output  # nobody sent a document


def test_a_person_is_added_and_their_password_is_in_no_output(tenant: TestTenant) -> None:
    said = _in(tenant, "operators", "add", "Anna", "--role", "admin", typed=f"{PASSWORD}\n")
    assert PASSWORD not in said.output
    _in(tenant, "operators", "add", "bob", "--role", "support", typed=f"{PASSWORD}\n")
    _in(tenant, "operators", "role", "bob", "finance")
    _in(tenant, "operators", "passwd", "bob", typed="another good sentence\n")
    _in(tenant, "operators", "disable", "bob")
    listed = _in(tenant, "operators", "list").output
    assert "anna" in listed
    assert "finance" in listed
    with transaction(tenant.id) as session:
        bob, anna = queries.operators(session, None, 9)
    assert fits(anna.password_hash, PASSWORD)
    assert fits(bob.password_hash, "another good sentence")
    assert (bob.role, bob.disabled_at is None, bob.generation) == ("finance", False, 4)
    _in(tenant, "operators", "enable", "bob")
    refused = _run("operators", "disable", "anna", "--tenant", tenant.slug)
    assert (refused.exit_code, "last admin" in refused.output) == (1, True)
    unknown = _run("operators", "disable", "eve", "--tenant", tenant.slug)
    assert (unknown.exit_code, "no operator 'eve'" in unknown.output) == (1, True)


def test_a_key_alone_stands_on_stdout(tenant: TestTenant) -> None:
    """So that `KEY=$(loyalty keys add till)` holds the key."""
    wanted = ("--scope", "earns", "--source", "till-7", "--ttl", "90d")
    key = _in(tenant, "keys", "add", "till", *wanted).stdout.strip()
    new = _in(tenant, "keys", "rotate", key, "--overlap", "1h").stdout.strip()
    with transaction(tenant.id) as session:
        after, before = queries.keys(session, None, 9)
        at = wall_clock()
    for made, bearer in ((before, key), (after, new)):
        split = split_key(bearer)
        assert split is not None
        assert made.prefix == split[0]
        assert opens(made, split[1], at)
    assert before.replaced_by == after.id
    assert (after.scopes, after.expires_at is None) == (["earns"], False)
    listed = _in(tenant, "keys", "list").output
    assert before.prefix in listed
    assert "earns; for" in listed
    assert "till-7" in listed
    assert key.split("_")[2] not in listed
    _in(tenant, "keys", "revoke", after.prefix)
    assert "revoked" in _in(tenant, "keys", "list").output
    ended = _run("keys", "rotate", after.prefix, "--tenant", tenant.slug)
    assert (ended.exit_code, "revoked or expired" in ended.output) == (1, True)


def test_whoever_makes_a_token_of_the_staff_is_written_down(tenant: TestTenant) -> None:
    _in(tenant, "token", "--role", "admin")
    _in(tenant, "token", "--role", "member", "--member", "ann")
    with transaction(tenant.id) as session:
        [written] = records(session, None, 9)
    assert written.act == "token.mint"
    assert written.subject.startswith("token admin:")
