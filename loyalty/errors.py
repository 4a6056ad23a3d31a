"""What can go wrong, as sentences: each error has a code, a status and says if trying again helps.

An error class belongs to the room that raises it; this file holds the form and the few that
every room needs. `/problems/{code}` is made from the classes themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was refused: RFC 6901 pointer (or `?name`, `Header-Name`), code, sentence."""

    pointer: str
    code: str
    detail: str


class Problem(Exception):
    """A refusal the caller is told about, as RFC 9457 problem+json.

    Subclasses set `status`, `code`, `title` and `cure` (how to mend it: /problems/{code}).
    `business` marks a decision of the book (409s and the like) that is stored under its
    idempotency key; other problems store nothing.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"
    cure: ClassVar[str] = "Try again; if it stays, tell the operator the request id."
    business: ClassVar[bool] = False
    retry_after_s: ClassVar[int | None] = None

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)


class Invalid(Problem):
    """422: the request can be read, but a value makes no sense."""

    status = 422
    code = "invalid"
    title = "A value is not valid"
    cure = "Correct the fields named in `errors` and send the request again."

    @classmethod
    def field(cls, pointer: str, code: str, detail: str) -> Invalid:
        """The common case of one wrong field."""
        return cls(detail, errors=[FieldError(pointer, code, detail)])


class NotFound(Problem):
    """404: it does not exist, or not for this caller."""

    status = 404
    code = "not_found"
    title = "Not found"
    cure = "Check the path; what belongs to another tenant does not exist for you."


class Conflict(Problem):
    """409: the state of the book forbids it."""

    status = 409
    code = "conflict"
    title = "The present state does not allow this"
    cure = "Read the present state and decide again."
    business = True


class Forbidden(Problem):
    """403: known, but not allowed."""

    status = 403
    code = "forbidden"
    title = "Not allowed"
    cure = "Use a token whose role allows this operation."


class Unavailable(Problem):
    """503: try again soon."""

    status = 503
    code = "unavailable"
    title = "The service cannot answer just now"
    cure = "Send the same request again after `Retry-After` seconds."
    retry_after_s = 1


def every_problem(root: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """The problem classes that have been imported, the root first."""
    yield root
    for child in root.__subclasses__():
        yield from every_problem(child)
