"""What one request has in hand: who asks, when it is, a connection to read with, what was read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any, TypeVar

import strawberry
from sqlalchemy.orm import Session

from loyalty.clock import now
from loyalty.errors import NotFound, Problem
from loyalty.programs.cache import recent_program
from loyalty.programs.queries import Program
from loyalty.tenants.principal import Principal
from loyalty.transaction import undone
from loyalty.web.fields import Slug
from loyalty.web.graphql.loader import Loader
from loyalty.web.waiting import LONGEST_S

MOST_ROWS = 1000  # of all the pages of a request together

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TooManyRows(Problem):
    """422: the pages of one request ask for too much together."""

    status = 422
    code = "too_many_rows"
    title = "The pages ask for too much together"
    cure = "Ask for fewer at a time (`first`), and for the next ones with `after`."


class Asking:
    """The context of a request's fields, and which operation it has `named`. End it by `let_go`."""

    def __init__(self, who: Principal, named: str | None = None) -> None:
        self.who, self.named = who, named
        self._rows_left = MOST_ROWS
        self._wait_ends_s = time.monotonic() + LONGEST_S
        self._forget()

    def _forget(self) -> None:
        self._open = ExitStack()
        self._session: Session | None = None
        self._at: datetime | None = None
        self._loaders: dict[object, Loader[Any, Any]] = {}

    def let_go(self) -> None:
        """Gives the connection back and forgets what was read: it changes now, or all is told."""
        self._open.close()
        self._forget()

    @property
    def session(self) -> Session:
        """A session to read with, the same until `let_go`; nothing that it wrote would stay."""
        if self._session is None:
            self._session = self._open.enter_context(undone(self.who.tenant_id))
        return self._session

    @property
    def at(self) -> datetime:
        """The present instant, the same until `let_go`."""
        if self._at is None:
            self._at = now(self.session)
        return self._at

    def program(self, slug: str) -> Program:
        """The program. Raises NotFound."""
        return recent_program(self.session, formed(Slug.form, slug))

    def loader(self, read: Callable[[Asking, Collection[K]], Mapping[K, V]]) -> Loader[K, V]:
        """The one loader of this request that reads with `read`."""
        if read not in self._loaders:
            self._loaders[read] = Loader(lambda keys: read(self, keys))
        return self._loaders[read]

    def count(self, rows: int) -> None:
        """So many rows more may be told. Raises TooManyRows."""
        self._rows_left -= rows
        if self._rows_left < 0:
            raise TooManyRows(f"At most {MOST_ROWS} rows are told in one request.")

    def patience(self, wait_s: int) -> float:
        """How long somebody may wait now: all waits of a request together last 10 s at most."""
        return max(0.0, min(wait_s, self._wait_ends_s - time.monotonic()))


def formed(form: re.Pattern[str], name: str) -> str:
    """The name. What does not have the form cannot exist: NotFound before the database is asked."""
    if form.fullmatch(name) is None:
        raise NotFound("There is nothing of that name.")
    return name


Info = strawberry.Info[Asking, None]
