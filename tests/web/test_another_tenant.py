"""To a tenant, what another one has does not exist: every operation, with everything they have.

Theirs is a tenant with rows in every table. Ours has a program and a member of the same names. In
every place of a path, and for every member in a body, stands what is theirs; each answer must be
the one for what nobody has, tell nothing of theirs, and leave their rows as they were.
"""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg2.extensions
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, create_engine, event, text

from loyalty.db import Role, engine
from loyalty.ids import uuid7
from loyalty.transaction import across_tenants, transaction
from loyalty.web.fields import Code, EntryId, Id
from tests.book.conftest import written
from tests.elsewhere import database_alone
from tests.opened import joined, opened
from tests.servers import Own
from tests.tenant import TestTenant, fresh_tenant
from tests.web.document import Operation, operations

_COLUMNS = text(
    "SELECT table_name, column_name, data_type FROM information_schema.columns"
    " WHERE table_schema = 'public' AND data_type IN ('uuid', 'text') AND table_name IN"
    " (SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id')"
)
_THEIR, _MEMBERS = "their-member-", 300
_PEOPLE = {"bob", "carl", "eve", "finn", "gail"}
_OF_EACH_COLUMN = 2
_SHORTEST = 3  # a shorter text can stand in an answer by chance


@dataclass(frozen=True, slots=True)
class Values:
    """What stands in a tenant's tables: every id, and a few of each column to be tried in paths."""

    ids: frozenset[str]
    tried: frozenset[str]

    def of_form(self, pattern: str) -> list[str]:
        """Those that a place of a path takes."""
        return [one for one in sorted(self.tried) if re.search(pattern, one)]

    def without(self, others: Values) -> Values:
        """What the others do not have."""
        return Values(self.ids - others.ids, self.tried - others.tried - others.ids)


def values_of(connection: Connection, tenant_id: int) -> Values:
    """What stands in the tenant's tables."""
    ids: set[str] = set()
    tried: set[str] = set()
    named = re.compile(f"(?=.{{{_SHORTEST},40}}$){Code.form.pattern}")
    for table, column, kind in connection.execute(_COLUMNS).all():
        rows = connection.execute(
            text(f'SELECT DISTINCT "{column}"::text FROM "{table}" WHERE tenant_id = :tenant'),
            {"tenant": tenant_id},
        )
        found = sorted(value for value in rows.scalars() if value)
        if kind == "uuid":
            ids.update(found)
        else:
            found = [one for one in found if named.fullmatch(one)]
        tried.update(found[:_OF_EACH_COLUMN])
    entries = connection.execute(
        text("SELECT account_id || '-' || version FROM entry WHERE tenant_id = :tenant LIMIT 2"),
        {"tenant": tenant_id},
    )
    return Values(frozenset(ids), frozenset(tried.union(entries.scalars())))


def _rows(connection: Connection, tenant_id: int) -> dict[str, str]:
    """Each table of the tenant, as a sum over its rows."""
    tables = {row.table_name for row in connection.execute(_COLUMNS)}
    return {
        table: connection.execute(
            text(
                f"SELECT count(*) || md5(coalesce(string_agg(t::text, '' ORDER BY t::text), ''))"
                f' FROM "{table}" t WHERE tenant_id = :tenant'
            ),
            {"tenant": tenant_id},
        ).scalar_one()
        for table in sorted(tables)
    }


def _twin(value: str) -> str:
    """Something of the same form that nobody has."""
    if Id.form.fullmatch(value):
        return str(uuid7())
    if EntryId.form.fullmatch(value):
        return f"{random.randrange(10**9, 10**10)}-{random.randrange(10**9, 10**10)}"
    letters = {True: string.ascii_lowercase, False: string.digits}
    return "".join(
        random.choice(letters[one.isalpha()]) if one.isalnum() else one for one in value
    ) + random.choice(string.ascii_lowercase)


@dataclass
class Neighbours:
    """We, and they; and what stands in their tables alone."""

    client: FlaskClient
    ours: TestTenant
    theirs: TestTenant
    only_theirs: Values
    operations: list[Operation]
    people: Iterator[str]  # members of theirs, each used for one call: it may become ours too
    sent: set[str] = field(default_factory=set)  # what we have said ourselves, we may be told

    def call(self, one: Operation, places: dict[str, str], member: str) -> tuple[int, str, str]:
        """Status, code and text of the answer to us."""
        self.sent.update((*places.values(), member))
        headers = {**self.ours.headers(), "Idempotency-Key": uuid4().hex}
        body = one.body(member)
        answer = self.client.open(
            one.path.format(**places),
            method=one.method,
            headers=headers,
            data=None if body is None else json.dumps(body),
            content_type=None if body is None else "application/json",
        )
        told = answer.get_json(silent=True)
        return (
            answer.status_code,
            told.get("code", "") if isinstance(told, dict) else "",
            answer.text,
        )

    def pairs(self, one: Operation) -> Iterator[tuple[dict[str, str], dict[str, str], str, str]]:
        """The path and the member as they are theirs, and as they are nobody's."""
        own = {"program": "wine", "member_id": "ann"}
        for place, pattern in one.places.items():
            values = [next(self.people)] if place == "member_id" else self.of_form(pattern)
            for value in values:
                others = {name: own.get(name, _filler(form)) for name, form in one.places.items()}
                theirs, nobodys = {**others, place: value}, {**others, place: _twin(value)}
                yield theirs, nobodys, "ann", "ann"
        if one.body("bob") != one.body("ann"):
            others = {name: own.get(name, _filler(form)) for name, form in one.places.items()}
            member = next(self.people)
            yield others, others, member, _twin(member)

    def of_form(self, pattern: str) -> list[str]:
        """What is theirs and no member, and a place of a path takes."""
        everything = self.only_theirs.of_form(pattern)
        return [one for one in everything if not one.startswith(_THEIR) and one not in _PEOPLE]


def _filler(form: str) -> str:
    options = (str(uuid7()), "12-3", "2026-08-01", "some-thing")
    return next((one for one in options if re.search(form, one)), "some-thing")


@pytest.fixture(scope="module")
def system(app: Flask, database: Own) -> Iterator[Connection]:
    """Sees every row there is, of a database in which no worker of other tests is about: what is
    theirs changes by nobody else, and nobody else runs functions that have forgotten the tenant."""
    with database_alone(database) as name:
        url = database.postgres.superuser_url(name)
        everything = create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1))
        with everything.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
        everything.dispose()


@pytest.fixture(scope="module")
def neighbours(app: Flask, system: Connection) -> Neighbours:
    """Two tenants that know nothing of each other."""
    return _moved_in(app, system)


def _moved_in(app: Flask, system: Connection) -> Neighbours:
    with across_tenants() as session:
        ours, theirs = fresh_tenant(session), fresh_tenant(session)
    with transaction(theirs.id) as session:
        program = written(session).program
        for number in range(_MEMBERS):
            joined(session, program, f"{_THEIR}{number}")
    with transaction(ours.id) as session:
        joined(session, opened(session), "ann", 100)
    own, foreign = (values_of(system, one.id) for one in (ours, theirs))
    only_theirs = foreign.without(own)
    assert len(only_theirs.ids) > 30
    assert {"mug", "r-1", "s-1", "vip"} <= only_theirs.tried
    client = app.test_client()
    document = client.get("/openapi.json").get_json()
    found = [one for one in operations(document) if one.told["x-roles"] != ["platform"]]
    people = (f"{_THEIR}{number}" for number in range(_MEMBERS))
    return Neighbours(client, ours, theirs, only_theirs, found, people)


@pytest.mark.timeout(400)
def test_what_is_theirs_does_not_exist_for_us(neighbours: Neighbours, system: Connection) -> None:
    assert _walk(neighbours, system) > 300


@pytest.mark.timeout(400)
def test_with_every_where_taken_out_it_still_does_not(app: Flask, system: Connection) -> None:
    """Each statement of the application, and each function of the database, forgets the tenant."""
    neighbours = _moved_in(app, system)
    with _every_where_taken_out(system) as taken_out:
        assert _walk(neighbours, system) > 300
        test_no_list_tells_of_theirs(neighbours)
    assert len(taken_out) > 50


@contextmanager
def _every_where_taken_out(system: Connection) -> Iterator[set[str]]:
    """As if whoever wrote a statement had left out `tenant_id = …`; yields those statements."""
    taken_out: set[str] = set()

    class Forgetful(psycopg2.extensions.cursor):
        def execute(self, query: Any, vars: Any = None) -> None:
            forgotten = _OF_A_TENANT.sub("true", query) if isinstance(query, str) else query
            if forgotten != query:
                taken_out.add(query)
            super().execute(forgotten, vars)

    def forget(connection: psycopg2.extensions.connection, _: object) -> None:
        connection.cursor_factory = Forgetful

    functions = system.execute(_FUNCTIONS).scalars().all()
    for function in functions:
        taken_out.add(function)
        system.exec_driver_sql(_OF_A_TENANT.sub("true", function).replace("%", "%%"))
    application = engine(Role.APP)
    event.listen(application, "connect", forget)
    application.dispose()
    try:
        yield taken_out
    finally:
        event.remove(application, "connect", forget)
        application.dispose()
        for function in functions:
            system.exec_driver_sql(function.replace("%", "%%"))


#: `a.tenant_id = t`, `tenant_id = %(tenant)s`, `a.tenant_id = b.tenant_id`.
_OF_A_TENANT = re.compile(
    r'(?:"?\w+"?\.)?tenant_id\s*=\s*(?:%\(\w+\)s(?:::\w+)?|(?:"?\w+"?\.)?\w+)'
)
_FUNCTIONS = text(
    "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    " AND prosrc ~ 'tenant_id = '"
)


def _walk(neighbours: Neighbours, system: Connection) -> int:
    """How many calls were made with what is theirs; none told it from what nobody has."""
    before, told_apart, tried = _rows(system, neighbours.theirs.id), [], 0
    for one in sorted(neighbours.operations, key=_readers_first):
        for theirs, nobodys, their_member, nobody in neighbours.pairs(one):
            of_theirs = neighbours.call(one, theirs, their_member)
            of_nobodys = neighbours.call(one, nobodys, nobody)
            tried += 1
            leaked = _leaks(neighbours, of_theirs[2])
            if of_theirs[:2] != of_nobodys[:2] or leaked:
                told_apart.append((one.name, theirs, of_theirs[:2], of_nobodys[:2], leaked))
    assert told_apart == [], told_apart[:20]
    after = _rows(system, neighbours.theirs.id)
    assert {table for table in before if before[table] != after[table]} == set()
    return tried


def test_no_list_tells_of_theirs(neighbours: Neighbours) -> None:
    answered = 0
    for one in neighbours.operations:
        if one.method == "GET" and set(one.places) <= {"program", "member_id"}:
            status, _, told = neighbours.call(one, {"program": "wine", "member_id": "ann"}, "ann")
            answered += status == 200
            assert _leaks(neighbours, told) == set(), one.name
    assert answered > 25


def _readers_first(one: Operation) -> int:
    """What was made under a name of theirs would be ours when it is read."""
    return ("GET", "DELETE", "PATCH", "POST", "PUT").index(one.method)


def _leaks(neighbours: Neighbours, told: str) -> set[str]:
    """What of theirs stands in the answer although we did not say it."""
    ids = set(Id.form.findall(told)) & neighbours.only_theirs.ids
    names = set(re.findall(r'"([^"\\]+)"', told)) & _PEOPLE
    return (ids | names) - neighbours.sent


def test_the_walk_finds_what_is_told_apart(neighbours: Neighbours) -> None:
    """The same walk by themselves sees it all, so it would see a hole."""
    swapped = Neighbours(
        neighbours.client,
        neighbours.theirs,
        neighbours.ours,
        neighbours.only_theirs,
        neighbours.operations,
        (f"{_THEIR}{number}" for number in range(_MEMBERS)),
    )
    seen: set[Any] = set()
    for one in swapped.operations:
        if one.method == "GET":
            for theirs, nobodys, *_ in swapped.pairs(one):
                of_theirs, of_nobodys = (
                    swapped.call(one, places, "ann") for places in (theirs, nobodys)
                )
                if of_theirs[:2] != of_nobodys[:2]:
                    seen.add(one.name)
    assert len(seen) > 15
