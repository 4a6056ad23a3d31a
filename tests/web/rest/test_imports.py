"""Imports over HTTP: a file in, a worker brings it in, and each refused line says why."""

from __future__ import annotations

import gzip
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from loyalty.jobs.imports import bring
from loyalty.tasks import jobs as tasks
from loyalty.tasks.imports import forget
from loyalty.transaction import transaction
from loyalty.web import import_upload
from tests.web.rest.caller import Caller, Told

MEMBERS = "member_id,name\nbob,Bob\ncarl,Carl\nb b,Bad\nann,Ann\n"


def post(call: Caller, body: str | bytes, query: str, kind: str = "text/csv", **who: Any) -> Told:
    """Sends a file."""
    headers = {"Content-Type": kind, **call.tenant.headers(who.pop("role", "admin")), **who}
    answer = call.client.post(f"/v1/imports?{query}", data=body, headers=headers)
    return Told(answer.status_code, answer.json, answer.headers, answer.data)


def work(call: Caller, job: str) -> dict[str, Any]:
    """Does what a worker would; the import afterwards."""
    while tasks.batch(call.tenant.id, UUID(job)) == "running":
        pass
    told: dict[str, Any] = call("GET", f"/imports/{job}").body
    return told


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines a chunk, and nobody else about who would take them."""
    monkeypatch.setattr(import_upload, "MOST_AT_ONCE", 2)
    monkeypatch.setattr("loyalty.outbox.handover.Publisher.put", lambda *_: None)


def test_a_file_comes_in_once(wine: Caller) -> None:
    made = post(wine, MEMBERS, "program=wine&what=members&file=m.csv")
    assert made.status == 202
    told = made.body
    assert (told["status"], told["lines"], told["done"]) == ("queued", 4, 0)
    assert wine("GET", "/programs/wine/members/bob").status == 404
    told = work(wine, told["id"])
    assert (told["status"], told["done"], told["changed"], told["refused"]) == ("done", 4, 3, 1)
    assert (told["what"], told["file"], told["program"]) == ("members", "m.csv", "wine")
    assert wine("GET", "/programs/wine/members/bob").body["name"] == "Bob"
    refused = wine("GET", f"/imports/{told['id']}/refused").body
    assert [(one["line"], one["subject"], one["code"]) for one in refused["data"]] == [
        (4, "b b", "malformed")
    ]
    again = work(wine, post(wine, MEMBERS, "program=wine&what=members").body["id"])
    assert (again["done"], again["changed"], again["refused"]) == (4, 0, 1)
    listed = wine("GET", "/imports?limit=1").body
    assert [one["id"] for one in listed["data"]] == [again["id"]]


def test_a_dry_run_tells_and_changes_nothing(wine: Caller) -> None:
    told = work(wine, post(wine, MEMBERS, "program=wine&what=members&dry_run=true").body["id"])
    assert (told["dry_run"], told["changed"], told["refused"]) == (True, 3, 1)
    assert wine("GET", "/programs/wine/members/bob").status == 404


def test_points_come_along_and_say_why(wine: Caller) -> None:
    lines = '{"reference": "old-1", "member_id": "ann", "points": 100, "expires_at": "never"}'
    query = "program=wine&what=balances"
    told = work(wine, post(wine, lines, query, "application/x-ndjson").body["id"])
    assert (told["changed"], told["refused"]) == (1, 0)
    assert wine("GET", "/programs/wine/members/ann").body["points"]["available"] == 100
    [entry] = wine("GET", "/programs/wine/members/ann/entries").body["data"]
    assert (entry["kind"], entry["text"]) == ("opening", "100 points brought along (old-1)")
    why = wine("GET", f"/entries/{entry['id']}/explain").body
    assert why["cause"]["kind"] == "opening"
    assert why["cause"]["told"] == {"reference": "old-1", "points": 100, "tier_points": 0}


def test_a_worker_that_ends_in_the_middle_is_followed_by_another(
    wine: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = post(wine, MEMBERS, "program=wine&what=members").body["id"]
    assert tasks.batch(wine.tenant.id, UUID(made)) == "running"

    def killed(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(bring, "bring_members", killed)
        with pytest.raises(ConnectionError):
            tasks.batch(wine.tenant.id, UUID(made))
    told = work(wine, made)
    assert (told["done"], told["changed"], told["refused"]) == (4, 3, 1)


def test_one_is_ended_and_goes_on(wine: Caller) -> None:
    made = post(wine, MEMBERS, "program=wine&what=members").body["id"]
    tasks.batch(wine.tenant.id, UUID(made))
    assert wine("POST", f"/imports/{made}/cancel").body["status"] == "cancelled"
    assert wine("POST", f"/imports/{made}/cancel").refusal == (409, "job_ended")
    assert wine("POST", f"/imports/{made}/resume").body["status"] == "running"
    assert work(wine, made)["done"] == 4


@pytest.mark.parametrize(
    ("body", "query", "kind", "refusal"),
    [
        (MEMBERS, "program=beer&what=members", "text/csv", (404, "not_found")),
        (MEMBERS, "program=wine&what=pets", "text/csv", (422, "invalid")),
        (MEMBERS, "program=wine", "text/csv", (422, "invalid")),
        (MEMBERS, "program=wine&what=members", "text/plain", (415, "unsupported_media_type")),
        ("", "program=wine&what=members", "text/csv", (400, "unreadable")),
        ("a\rb", "program=wine&what=members", "text/csv", (400, "unreadable")),
        ("member_id\n", "program=wine&what=members", "text/csv", (400, "unreadable")),
        ("who\nann\n", "program=wine&what=members", "text/csv", (422, "invalid")),
    ],
)
def test_what_is_no_file_is_refused_and_leaves_nothing(
    wine: Caller, body: str, query: str, kind: str, refusal: tuple[int, str]
) -> None:
    assert post(wine, body, query, kind).refusal == refusal
    assert _chunks(wine) == 0


def test_a_packed_file_is_not_taken_for_what_it_holds(wine: Caller) -> None:
    packed = gzip.compress(MEMBERS.encode())
    query, how = "program=wine&what=members", {"Content-Encoding": "gzip"}
    refused = post(wine, packed, query, **how)
    assert refused.refusal == (415, "unsupported_media_type")
    assert refused.body["detail"] == "The file is read as it is, and not as gzip."


def test_long_lines_wait_in_small_chunks(wine: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that neither the door nor a worker ever holds a thousand long lines."""
    monkeypatch.setattr(import_upload, "MOST_AT_ONCE", 1000)
    monkeypatch.setattr(import_upload, "MOST_CHUNK_BYTES", 256 * 1024)
    long = '{"member_id": "m-%d", "attributes": {"note": "' + "x" * 60_000 + '"}}\n'
    told = post(
        wine,
        "".join(long % number for number in range(20)),
        "program=wine&what=members",
        "application/x-ndjson",
    )
    assert (told.body["lines"], _chunks(wine)) == (20, 5)


def test_a_file_that_is_too_large_leaves_nothing(
    wine: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_upload, "MOST_FILE_BYTES", 100)
    many = "member_id\n" + "".join(f"m-{n}\n" for n in range(100))
    refused = post(wine, many, "program=wine&what=members")
    assert refused.refusal == (413, "body_too_large")
    assert _chunks(wine) == 0


def test_another_tenant_sees_no_import(wine: Caller, stranger: Caller) -> None:
    made = post(wine, MEMBERS, "program=wine&what=members").body["id"]
    assert stranger("GET", f"/imports/{made}").status == 404
    assert stranger("GET", f"/imports/{made}/refused").status == 404
    assert stranger("POST", f"/imports/{made}/cancel").status == 404
    assert stranger("GET", "/imports").body["data"] == []


def test_what_was_never_brought_in_is_dropped_after_a_week(wine: Caller) -> None:
    post(wine, MEMBERS, "program=wine&what=members")
    forget()
    assert _chunks(wine) == 2
    with transaction(wine.tenant.id) as session:
        session.execute(
            text("INSERT INTO import_chunk SELECT tenant_id, upload_id, n + 9, lines,"
                 " added_at - interval '8 days' FROM import_chunk")
        )  # fmt: skip
    forget()
    assert _chunks(wine) == 2


def _chunks(call: Caller) -> int:
    with transaction(call.tenant.id) as session:
        return session.scalar(text("SELECT count(*) FROM import_chunk")) or 0
