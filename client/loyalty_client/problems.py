"""What can go wrong, as exceptions. `code` is stable: program against it, or against the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class LoyaltyError(Exception):
    """Whatever this package raises on purpose."""


class Garbled(LoyaltyError):
    """An answer is not what this client knows: is `url` really the bank, and of this version?"""


class NotGenuine(LoyaltyError):
    """A webhook was not signed by who knows the secret, or is too old: answer it with 400."""


class Unreachable(LoyaltyError):
    """The time was up and nobody knows whether it was done.

    Make the same call again, with this `key` if there is one: it is done once, however often.
    """

    def __init__(self, sentence: str, key: str | None) -> None:
        super().__init__(sentence, key)
        self.key = key

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class FieldError:
    """A value that was refused: `pointer` (RFC 6901, or `?name`) says which, `code` why."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What the API says when it says no (RFC 9457). `request_id` is for the operator."""

    status: int
    code: str
    title: str
    detail: str
    type: str = ""
    errors: tuple[FieldError, ...] = ()
    request_id: str | None = None
    retry_after_s: float | None = None


class Refused(LoyaltyError):
    """The API said no; asking again will not help, unless a subclass says so.

    `key` is the Idempotency-Key of the call: the same one is refused again, whatever has changed.
    """

    def __init__(self, problem: Problem, key: str | None = None) -> None:
        super().__init__(problem, key)
        self.problem, self.key = problem, key
        self.status, self.code = problem.status, problem.code
        self.detail, self.errors = problem.detail, problem.errors

    def __str__(self) -> str:
        wrong = "".join(f"\n  {one.pointer}: {one.detail}" for one in self.errors)
        return f"{self.status} {self.code}: {self.detail}{wrong}"


class Unreadable(Refused):
    """400, 413, 414, 415: the request itself is of no form that is read."""


class Unauthenticated(Refused):
    """401: the key or token is unknown, revoked or over."""


class Forbidden(Refused):
    """403: not with this key, its role, scopes or sources."""


class NotFound(Refused):
    """404: it does not exist, or not for you."""


class NotEnrolled(NotFound):
    """The member has not joined this program."""


class Conflict(Refused):
    """409: the state of the book forbids it."""


class AlreadyEnrolled(Conflict):
    """The member has joined before."""


class InsufficientPoints(Conflict):
    """There are fewer points than that."""


class NotActive(Conflict):
    """The member is suspended, or has left."""


class WrongState(Conflict):
    """A redemption that was captured can't be released, and the like."""


class NotEligible(Conflict):
    """This reward is not for this member."""


class OutOfStock(Conflict):
    """There is no more of this reward."""


class InFlight(Conflict):
    """The first request with this key is still at work. Tried again while there is time."""


class Invalid(Refused):
    """422: it can be read, but a value makes no sense; `errors` name it."""


class TransactionMismatch(Invalid):
    """This source posted another purchase under the same transaction id."""


class IdempotencyMismatch(Invalid):
    """The key was used for something else."""


class RateLimited(Refused):
    """429: too many in too short a time. Tried again while there is time."""


class Failed(Refused):
    """5xx: something is wrong at the bank. 502, 503 and 504 are tried again while there is time."""


_BY_CODE: Mapping[str, type[Refused]] = {
    "not_enrolled": NotEnrolled,
    "already_enrolled": AlreadyEnrolled,
    "insufficient_points": InsufficientPoints,
    "not_active": NotActive,
    "wrong_state": WrongState,
    "not_eligible": NotEligible,
    "out_of_stock": OutOfStock,
    "idempotency_in_flight": InFlight,
    "transaction_mismatch": TransactionMismatch,
    "idempotency_mismatch": IdempotencyMismatch,
}
_BY_STATUS: Mapping[int, type[Refused]] = {
    400: Unreadable,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Unreadable,
    414: Unreadable,
    415: Unreadable,
    422: Invalid,
    429: RateLimited,
}
_FIRST_OF_THE_BANK = 500


def refused(problem: Problem, key: str | None) -> Refused:
    """The exception for what the API said. What it may say in later versions has one too."""
    kind = _BY_CODE.get(problem.code) or _BY_STATUS.get(problem.status)
    if kind is None:
        kind = Failed if problem.status >= _FIRST_OF_THE_BANK else Refused
    return kind(problem, key)
