"""What is asked for at the same time is done together, one of a subject at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from loyalty.errors import Unavailable
from loyalty.web.together import Apart, Together
from tests.stack import until

Told = str | Exception


class _Work:
    """Work that goes on when it is told to; `groups` came, in their order."""

    def __init__(self, *, at_once: int = 1, most: int = 50, timeout_s: float = 10) -> None:
        self.groups: list[tuple[int, list[str]]] = []
        self.goes_on = threading.Semaphore(0)
        self.alone: list[str] = []
        self.alone_at_once = self.most_alone_at_once = 0
        self._guard = threading.Lock()
        self._threads = ThreadPoolExecutor(50)
        self.together = Together[str, str](
            self._do, self._do_alone, at_once=at_once, most=most, timeout_s=timeout_s
        )

    def ask(self, what: str, tenant_id: int = 1, subject: str | None = None) -> Future[str]:
        return self._threads.submit(self.together.do, tenant_id, what, subject)

    def waiting(self) -> int:
        return sum(map(len, self.together._waiting.values()))

    def is_idle(self) -> bool:
        own = self.together
        return not (own._under_way or own._busy or own._waiting)

    def _do(self, tenant_id: int, asked: Sequence[str]) -> list[Told]:
        self.groups.append((tenant_id, list(asked)))
        assert self.goes_on.acquire(timeout=10)
        if "broken" in asked:
            raise LookupError("broken")
        if "refused" in asked:
            raise Unavailable("refused")
        return [Apart() if one.startswith("apart") else f"{one} done" for one in asked]

    def _do_alone(self, tenant_id: int, asked: str) -> str:
        with self._guard:
            self.alone.append(asked)
            self.alone_at_once += 1
            self.most_alone_at_once = max(self.alone_at_once, self.most_alone_at_once)
        assert self.goes_on.acquire(timeout=10)
        with self._guard:
            self.alone_at_once -= 1
        if asked == "broken":
            raise LookupError("broken by itself")
        return f"{asked} alone"


def _in_line(work: _Work, what: str, tenant_id: int = 1, subject: str | None = None) -> Future[str]:
    """Asks for what has to wait, and returns when it does."""
    before = work.waiting()
    asked = work.ask(what, tenant_id, subject)
    until(lambda: work.waiting() == before + 1, "it waits")
    return asked


def _begun(work: _Work, what: str = "first") -> Future[str]:
    before = len(work.groups)
    asked = work.ask(what)
    until(lambda: len(work.groups) == before + 1, "it is at work")
    return asked


def test_who_comes_meanwhile_shares_what_follows() -> None:
    work = _Work()
    first = _begun(work)
    others = [_in_line(work, what) for what in "abc"]
    work.goes_on.release(2)
    assert [one.result(10) for one in [first, *others]] == [
        "first done",
        "a done",
        "b done",
        "c done",
    ]
    assert work.groups == [(1, ["first"]), (1, ["a", "b", "c"])]
    assert work.is_idle()


def test_no_more_than_most_are_done_together() -> None:
    work = _Work(most=2)
    first = _begun(work)
    others = [_in_line(work, what) for what in "abc"]
    work.goes_on.release(3)
    for one in [first, *others]:
        one.result(10)
    assert work.groups[1:] == [(1, ["a", "b"]), (1, ["c"])]
    assert work.is_idle()


def test_tenants_take_turns_and_share_nothing() -> None:
    work = _Work(most=2)
    first = _begun(work)
    others = [_in_line(work, what) for what in "abc"]
    others.append(_in_line(work, "theirs", tenant_id=2))
    work.goes_on.release(4)
    for one in [first, *others]:
        one.result(10)
    assert work.groups[1:] == [(1, ["a", "b"]), (2, ["theirs"]), (1, ["c"])]


def test_of_one_subject_one_is_done_at_a_time() -> None:
    work = _Work(at_once=2)
    first = work.ask("a1", subject="a")
    until(lambda: len(work.groups) == 1, "it is at work")
    others = [
        _in_line(work, "a2", subject="a"),
        _in_line(work, "a3", subject="a"),
    ]
    of_another = work.ask("b1", subject="b")
    until(lambda: len(work.groups) == 2, "the other's is at work")
    work.goes_on.release(4)
    for one in [first, *others, of_another]:
        one.result(10)
    assert sorted(what for _, group in work.groups for what in group) == ["a1", "a2", "a3", "b1"]
    assert not any({"a2", "a3"} <= set(group) for _, group in work.groups)
    assert work.is_idle()


def test_the_same_subject_of_another_tenant_is_another() -> None:
    work = _Work(at_once=2)
    both = [work.ask("mine", 1, "a"), work.ask("theirs", 2, "a")]
    until(lambda: len(work.groups) == 2, "both are at work")
    work.goes_on.release(2)
    assert {one.result(10) for one in both} == {"mine done", "theirs done"}


def test_what_is_apart_is_done_alone_and_holds_up_its_subject_only() -> None:
    work = _Work()
    apart = [work.ask(f"apart {number}", subject="a") for number in range(20)]
    work.goes_on.release()
    until(lambda: len(work.alone) == 1, "one is done alone")
    other = work.ask("b", subject="b")
    work.goes_on.release()
    # What was released went to either of them.
    work.goes_on.release(2 * 20)
    assert other.result(10) == "b done"
    assert {one.result(10) for one in apart} == {f"apart {number} alone" for number in range(20)}
    assert work.most_alone_at_once == 1
    assert work.is_idle()


def test_what_fails_together_is_done_one_by_one() -> None:
    work = _Work()
    first = _begun(work)
    asked = [_in_line(work, what) for what in ("a", "broken", "c")]
    work.goes_on.release(5)
    first.result(10)
    good, bad, also_good = asked
    assert (good.result(10), also_good.result(10)) == ("a alone", "c alone")
    with pytest.raises(LookupError, match="broken by itself"):
        bad.result(10)
    assert work.is_idle()


def test_what_fails_by_itself_is_not_tried_again() -> None:
    work = _Work()
    work.goes_on.release()
    with pytest.raises(LookupError, match=r"broken$"):
        work.ask("broken").result(10)
    assert work.alone == []
    assert work.is_idle()


def test_a_problem_is_everybody_s() -> None:
    work = _Work()
    first = _begun(work)
    asked = [_in_line(work, what) for what in ("a", "refused")]
    work.goes_on.release(2)
    first.result(10)
    for one in asked:
        with pytest.raises(Unavailable, match="refused"):
            one.result(10)
    assert work.alone == []
    assert work.is_idle()


def test_whose_turn_does_not_come_in_time_is_told_so() -> None:
    work = _Work(timeout_s=0.05)
    first = _begun(work)
    with pytest.raises(Unavailable):
        work.ask("late").result(10)
    work.goes_on.release()
    first.result(10)
    assert work.groups == [(1, ["first"])]
    assert work.is_idle()
