"""What is asked for at the same time is done together.

Who comes while little is under way begins at once, alone; who comes meanwhile waits, and the first
of those who wait works for all of its tenant. So nobody waits who need not, one piece of work
serves as many as there are, and no thread stands between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from loyalty.errors import Problem, Unavailable

_IN_TIME = "The database did not answer in time."

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Apart(Exception):
    """What the others are done with is not for this one: it is done by itself."""


class _Ticket(Generic[Asked, Told]):
    """One request. `done` is released when `answer` is there, or when it is its turn to lead."""

    __slots__ = ("answer", "asked", "done", "leads", "subject", "tenant_id")

    def __init__(self, tenant_id: int, asked: Asked, subject: Hashable) -> None:
        self.tenant_id = tenant_id
        self.asked = asked
        self.subject = subject
        self.done = threading.Lock()
        self.done.acquire()
        self.leads = False
        self.answer: Told | Exception = Unavailable(_IN_TIME)


class Together(Generic[Asked, Told]):
    """Who is at work, and who waits for it, by tenant and in the order in which they came.

    `work` does all of a tenant's, at most `most`, and says of each what it has become: an answer,
    or what is to be raised. `alone` does one by itself, for as long as that takes: what is Apart,
    and each of those whose common work failed for anything but a Problem. It is no part of what is
    under way. At most `at_once` pieces of work are: one that is slow does not hold up all.
    """

    def __init__(
        self,
        work: Callable[[int, Sequence[Asked]], Sequence[Told | Exception]],
        alone: Callable[[int, Asked], Told],
        *,
        at_once: int,
        most: int,
        timeout_s: float,
    ) -> None:
        self._work = work
        self._alone = alone
        self._at_once = at_once
        self._most = most
        self._timeout_s = timeout_s
        self._guard = threading.Lock()
        self._under_way = 0
        self._busy: set[tuple[int, Hashable]] = set()
        self._waiting: dict[int, list[_Ticket[Asked, Told]]] = {}

    def do(self, tenant_id: int, asked: Asked, subject: Hashable = None) -> Told:
        """The answer. Of what has the same `subject`, if any, one is done at a time.

        Raises Unavailable when its turn has not come after `timeout_s`, and what `work` and `alone`
        raise.
        """
        mine = _Ticket[Asked, Told](tenant_id, asked, subject)
        with self._guard:
            if self._under_way < self._at_once and self._is_free(mine):
                self._let_lead(mine)
            else:
                self._waiting.setdefault(tenant_id, []).append(mine)
        if not mine.leads:
            self._wait(mine)
        if mine.leads:
            self._lead(mine)
        if isinstance(mine.answer, Apart):
            return self._do_alone(mine)
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _is_free(self, one: _Ticket[Asked, Told]) -> bool:
        return one.subject is None or (one.tenant_id, one.subject) not in self._busy

    def _let_lead(self, one: _Ticket[Asked, Told]) -> None:
        one.leads = True
        self._under_way += 1
        self._take(one)

    def _take(self, one: _Ticket[Asked, Told]) -> None:
        if one.subject is not None:
            self._busy.add((one.tenant_id, one.subject))

    def _wait(self, mine: _Ticket[Asked, Told]) -> None:
        if mine.done.acquire(timeout=self._timeout_s):
            return
        with self._guard:
            waiting = self._waiting.get(mine.tenant_id, [])
            if mine in waiting:
                waiting.remove(mine)
                if not waiting:
                    del self._waiting[mine.tenant_id]
                return
        mine.done.acquire()  # it is being done, or it is to lead: its turn came just now

    def _lead(self, mine: _Ticket[Asked, Told]) -> None:
        with self._guard:
            group = self._group_of(mine)
        try:
            self._do(group)
        finally:
            with self._guard:
                self._under_way -= 1
                self._let_go(one for one in group if not isinstance(one.answer, Apart))
            for one in group[1:]:
                one.done.release()

    def _do_alone(self, mine: _Ticket[Asked, Told]) -> Told:
        try:
            return self._alone(mine.tenant_id, mine.asked)
        finally:
            with self._guard:
                self._let_go([mine])

    def _group_of(self, first: _Ticket[Asked, Told]) -> list[_Ticket[Asked, Told]]:
        """Those who are done together; what waits on is behind the other tenants now."""
        group, later = [first], []
        for one in self._waiting.pop(first.tenant_id, ()):
            if len(group) < self._most and self._is_free(one):
                group.append(one)
                self._take(one)
            else:
                later.append(one)
        if later:
            self._waiting[first.tenant_id] = later
        return group

    def _do(self, group: Sequence[_Ticket[Asked, Told]]) -> None:
        try:
            answers = self._work(group[0].tenant_id, [one.asked for one in group])
            for one, answer in zip(group, answers, strict=True):
                one.answer = answer
        except Exception as error:
            shared = len(group) > 1 and not isinstance(error, Problem)
            for one in group:
                one.answer = Apart() if shared else error

    def _let_go(self, done: Iterable[_Ticket[Asked, Told]]) -> None:
        """Who has waited longest, and for nobody's subject, leads now, if another may."""
        self._busy.difference_update((one.tenant_id, one.subject) for one in done)
        if self._under_way >= self._at_once:
            return
        for tenant_id, waiting in self._waiting.items():
            first = next(filter(self._is_free, waiting), None)
            if first is not None:
                waiting.remove(first)
                if not waiting:
                    del self._waiting[tenant_id]
                self._let_lead(first)
                first.done.release()
                return
