"""Exports over HTTP: everything, in one stream; a member's own token takes their own."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from loyalty.web.rest import exports
from tests.web.rest.caller import Caller


def test_everything_of_the_tenant(wine: Caller) -> None:
    told = wine("POST", "/exports", {})
    assert (told.status, told.headers["Content-Type"]) == (200, "application/x-ndjson")
    lines = [json.loads(line) for line in told.raw.splitlines()]
    assert [one["data"]["member_id"] for one in lines if one["type"] == "member"] == ["ann"]
    assert lines[-1]["type"] == "end"
    [record, *_] = wine("GET", "/audit-log").body["data"]
    assert (record["act"], record["subject"]) == ("tenant.export", "tenant")


def test_a_zip_of_a_member_by_their_own_token(wine: Caller) -> None:
    told = wine("GET", "/members/ann/export?format=zip", member="ann")
    assert (told.status, told.headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(told.raw)) as file:
        assert {"member.ndjson", "membership.ndjson", "account.ndjson"} <= set(file.namelist())
        assert "program.ndjson" not in file.namelist()
    assert wine("GET", "/members/ann/export", member="bob").refusal == (403, "forbidden")
    assert wine("POST", "/exports", {}, role="support").refusal == (403, "forbidden")


def test_who_is_not_there_cannot_be_exported(wine: Caller, stranger: Caller) -> None:
    assert wine("GET", "/members/bob/export").refusal == (404, "not_found")
    assert stranger("GET", "/members/ann/export").refusal == (404, "not_found")
    assert wine("GET", "/members/ann/export").status == 200  # nobody keeps the turn


def test_one_at_a_time(wine: Caller) -> None:
    assert exports._turn.acquire(blocking=False)
    try:
        refused = wine("POST", "/exports", {})
    finally:
        exports._turn.release()
    assert refused.refusal == (503, "export_under_way")
    assert refused.headers["Retry-After"] == "10"
    assert wine("POST", "/exports", {"format": "zip"}).status == 200


def test_whoever_goes_away_gives_back_the_turn(wine: Caller) -> None:
    headers = wine.tenant.headers("admin")
    answer = wine.client.post("/v1/exports", json={}, headers=headers, buffered=False)
    answer.close()
    assert wine("POST", "/exports", {}).status == 200


@pytest.mark.parametrize("body", [{"format": "xml"}, {"x": 1}])
def test_another_form_is_refused(wine: Caller, body: dict[str, object]) -> None:
    assert wine("POST", "/exports", body).status == 422
