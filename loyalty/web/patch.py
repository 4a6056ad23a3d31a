"""PATCH: If-Match against what somebody else changed meanwhile. Verbs merge what is sent."""

from __future__ import annotations

from flask import request

from loyalty.errors import Problem


class PreconditionFailed(Problem):
    """412: it is no longer what the caller has read."""

    status = 412
    code = "precondition_failed"
    title = "It has been changed since you read it"
    cure = "Read it again, and send the change with its new ETag in `If-Match`."


def etag(version: int) -> str:
    """The ETag of the row's version."""
    return f'"{version}"'


def if_match(version: int) -> None:
    """Raises PreconditionFailed when the caller has read another version. No header: no check."""
    expected = request.headers.get("If-Match")
    if expected is None:
        return
    if {"*", etag(version)}.isdisjoint(one.strip() for one in expected.split(",")):
        raise PreconditionFailed(f"It is at version {etag(version)} now.")
