"""Segments: groups of members, by a condition or as an uploaded list."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response

from loyalty.clock import now
from loyalty.earning.free_segment import remove_free_segment
from loyalty.programs.queries import program_by_slug
from loyalty.segments import queries
from loyalty.segments.models import SegmentRow
from loyalty.segments.save import add_segment, change_segment, recount
from loyalty.segments.upload import upload
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.lists import ListByNumber, page, page_schema
from loyalty.web.once import once
from loyalty.web.patch import etag, if_match
from loyalty.web.resource import Resource
from loyalty.web.segment_schema import (
    NewSegmentSchema,
    SegmentChangeSchema,
    SegmentMemberSchema,
    SegmentSchema,
    UploadedSchema,
    UploadSchema,
)

segments = Resource("segments", description="Groups of members: saved conditions, lists.")
_TOLD = SegmentSchema()


@segments.route("/programs/<slug:program>/segments", methods=["POST"])
@allow("segments.change")
@segments.keyed(required=False)
@segments.arguments(NewSegmentSchema)
@segments.response(201, SegmentSchema)
def create(wanted: dict[str, Any], program: str) -> Response:
    """Add a segment: a condition, or an empty list."""
    with transaction(tenant()) as session:
        at, book = now(session), program_by_slug(session, program)

        def act() -> dict[str, Any]:
            return _shown(add_segment(session, book, wanted, acting(at)))

        return once(session, wanted, act, at=at, required=False)


@segments.route("/programs/<slug:program>/segments", methods=["GET"])
@allow("segments.read")
@segments.arguments(ListByNumber, location="query")
@segments.response(200, page_schema(SegmentSchema))
def browse(asked: dict[str, Any], program: str) -> object:
    """List the segments, newest first."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        found = queries.segments(session, book.id, before=asked["after"], limit=asked["limit"] + 1)
    return page(found, asked["limit"], lambda row: row.id)


@segments.route("/programs/<slug:program>/segments/<slug:key>", methods=["GET"])
@allow("segments.read")
@segments.response(200, SegmentSchema)
def read(program: str, key: str) -> Response:
    """Tell a segment."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        return _told(queries.segment_by_key(session, book.id, key))


@segments.route("/programs/<slug:program>/segments/<slug:key>", methods=["PATCH"])
@allow("segments.change")
@segments.conditional()
@segments.arguments(SegmentChangeSchema)
@segments.response(200, SegmentSchema)
def amend(patch: dict[str, Any], program: str, key: str) -> Response:
    """Change a segment's name or condition; it is counted again."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        present = queries.segment_by_key(session, book.id, key, lock=True)
        if_match(present.version)
        return _told(change_segment(session, book, present, patch, acting(now(session))))


@segments.route("/programs/<slug:program>/segments/<slug:key>", methods=["DELETE"])
@allow("segments.change")
@segments.response(200, SegmentSchema)
def delete(program: str, key: str) -> Response:
    """Take a segment out that nothing in force asks for: from now on nobody is in it."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        gone = remove_free_segment(session, book, key, acting(now(session)))
        return json_answer(_shown(gone))


@segments.route("/programs/<slug:program>/segments/<slug:key>/count", methods=["POST"])
@allow("segments.change")
@segments.response(200, SegmentSchema)
def count(program: str, key: str) -> Response:
    """Count the members now; a beat does so every hour."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        present = queries.segment_by_key(session, book.id, key, lock=True)
        return _told(recount(session, present, now(session)))


@segments.route("/programs/<slug:program>/segments/<slug:key>/members", methods=["GET"])
@allow("segments.read")
@segments.arguments(ListByNumber, location="query")
@segments.response(200, page_schema(SegmentMemberSchema))
def members(asked: dict[str, Any], program: str, key: str) -> object:
    """List who is in it now, who joined last first."""
    before, limit = asked["after"], asked["limit"]
    with transaction(tenant()) as session:
        segment = queries.segment_by_key(session, program_by_slug(session, program).id, key)
        found = queries.members_in(session, segment, now(session), before=before, limit=limit + 1)
    return page(found, limit, lambda one: one.membership_id)


@segments.route("/programs/<slug:program>/segments/<slug:key>/members", methods=["POST"])
@allow("segments.change")
@segments.arguments(UploadSchema)
@segments.response(200, UploadedSchema)
def put_on(wanted: dict[str, Any], program: str, key: str) -> dict[str, Any]:
    """Put up to 1000 members on an uploaded list and take others off; repeating changes nothing."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        present = queries.segment_by_key(session, book.id, key, lock=True)
        return asdict(upload(session, book, present, **wanted, by=acting(now(session))))


def _shown(row: SegmentRow) -> dict[str, Any]:
    shown: dict[str, Any] = _TOLD.dump(row)
    return shown


def _told(row: SegmentRow) -> Response:
    return json_answer(_shown(row), headers={"ETag": etag(row.version)})
