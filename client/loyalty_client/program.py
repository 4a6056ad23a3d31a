"""One program: its members, what they buy, bring back, spend, and are told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from loyalty_client.batch import post_batch
from loyalty_client.judged import LONGEST_WAIT_S, Told, look_until_judged
from loyalty_client.listing import query_of, rows, segment
from loyalty_client.members import (
    Adjusted,
    AdjustmentRequest,
    BalanceThen,
    Entry,
    FoundMember,
    Member,
)
from loyalty_client.orders import Adjust, Earn, Hold, Money, NewMember, Return, Spend
from loyalty_client.purchases import Outcome, Purchase, Returned, TriedPurchase, TriedReturn
from loyalty_client.reading import read, to_json
from loyalty_client.redemptions import Redemption, TriedRedemption
from loyalty_client.wire import Request, Wire

_ASKED = 202  # not done yet: a worker is to judge it, or a second person to approve


class Program:
    """Made by `Loyalty.program`. `key` is an Idempotency-Key: one that you keep, an order's number
    for example, makes an act safe to repeat after a crash of your own; else one is made up.
    """

    def __init__(self, wire: Wire, slug: str) -> None:
        self.slug = slug
        self._wire = wire
        self._path = f"/programs/{segment(slug)}"

    # What they buy, and bring back.

    def earn(self, earn: Earn, *, wait_s: float = 0) -> Purchase:
        """Posts a purchase: once that is answered, it is stored for ever. With `wait_s` the answer
        tells its points, if it is `judged` in time, which takes some hundredths of a second.

        Raises Invalid, TransactionMismatch.
        """
        return self._post(Purchase, "earns", earn, wait_s)

    def try_earn(
        self, earn: Earn, *, now: datetime | None = None, drafts: Sequence[str] = ()
    ) -> TriedPurchase:
        """What a purchase would give and why, at another instant or with drafts of promotions."""
        asked = query_of(dry_run=True, now=now, drafts=",".join(drafts) or None)
        return read(TriedPurchase, self._wire.act(f"{self._path}/earns", earn, None, asked).body)

    def earn_batch(self, earns: Iterable[Earn]) -> list[Outcome]:
        """Posts any number of purchases, up to 1000 in a request; each has its outcome, in order.

        After Unreachable post all of them again: those that came are duplicates then.
        """
        return post_batch(self._wire, f"{self._path}/earns/batch", earns)

    def purchases(
        self,
        *,
        member_id: str | None = None,
        status: str | None = None,
        source: str | None = None,
        transaction_id: str | None = None,
    ) -> Iterator[Purchase]:
        """Purchases that meet every filter, newest first."""
        return rows(
            self._wire,
            f"{self._path}/earns",
            Purchase,
            member_id=member_id,
            status=status,
            source=source,
            transaction_id=transaction_id,
        )

    def give_back(self, back: Return, *, wait_s: float = 0) -> Returned:
        """Posts a return, also before its purchase has come. With `wait_s` as in `earn`."""
        return self._post(Returned, "returns", back, wait_s)

    def try_give_back(self, back: Return, *, now: datetime | None = None) -> TriedReturn:
        """What a return would take back, and from where."""
        asked = query_of(dry_run=True, now=now)
        return read(TriedReturn, self._wire.act(f"{self._path}/returns", back, None, asked).body)

    def returns(
        self,
        *,
        status: str | None = None,
        source: str | None = None,
        transaction_id: str | None = None,
    ) -> Iterator[Returned]:
        """Returns that meet every filter, newest first."""
        return rows(
            self._wire,
            f"{self._path}/returns",
            Returned,
            status=status,
            source=source,
            transaction_id=transaction_id,
        )

    # Who they are, and what they have.

    def enrol(self, member: NewMember, *, key: str | None = None) -> Member:
        """Lets a member join; what was parked for them is awarded. Raises AlreadyEnrolled."""
        return read(Member, self._wire.act(f"{self._path}/members", member, key).body)

    def member(self, member_id: str) -> Member:
        """Status, tier and points. Raises NotEnrolled."""
        return read(Member, self._wire.get(self._of(member_id)))

    def leave(self, member_id: str) -> Member:
        """Lets a member leave: points end, history stays. Raises NotEnrolled."""
        return read(Member, self._wire.call(Request("DELETE", self._of(member_id))).body)

    def members(
        self,
        text: str | None = None,
        *,
        points_gte: int | None = None,
        points_lte: int | None = None,
        owed_gte: int | None = None,
        tier: str | None = None,
        status: str | None = None,
        segment: str | None = None,
        attribute: str | None = None,
        joined_gte: datetime | None = None,
        joined_lte: datetime | None = None,
        last_activity_gte: datetime | None = None,
        last_activity_lte: datetime | None = None,
        sort: Literal["-joined", "joined", "-points", "points"] | None = None,
    ) -> Iterator[FoundMember]:
        """Members that meet every filter, in the order of `sort`. `text` is the start of an id, of
        each word of a name, or a whole identifier; an `attribute` is `name:value`."""
        return rows(
            self._wire,
            f"{self._path}/members",
            FoundMember,
            q=text,
            points_gte=points_gte,
            points_lte=points_lte,
            owed_gte=owed_gte,
            tier=tier,
            status=status,
            segment=segment,
            attribute=attribute,
            joined_gte=joined_gte,
            joined_lte=joined_lte,
            last_activity_gte=last_activity_gte,
            last_activity_lte=last_activity_lte,
            sort=sort,
        )

    def balance(
        self,
        member_id: str,
        *,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> BalanceThen:
        """The balance, also as it was or was known back then. Raises NotEnrolled."""
        asked = query_of(as_of=as_of, known_at=known_at)
        return read(BalanceThen, self._wire.get(f"{self._of(member_id)}/balance", asked))

    def statement(self, member_id: str) -> Iterator[Entry]:
        """What happened to a member's points, newest first. Raises NotEnrolled."""
        return rows(self._wire, f"{self._of(member_id)}/entries", Entry)

    def adjust(
        self, member_id: str, points: int, reason: str, *, key: str | None = None
    ) -> Adjusted | AdjustmentRequest:
        """Gives points, or takes them when below zero; above what your role may do alone, asks a
        second person to approve. Raises InsufficientPoints, NotActive.
        """
        path = f"{self._of(member_id)}/adjustments"
        reply = self._wire.act(path, Adjust(points, reason), key)
        if reply.status == _ASKED:
            return read(AdjustmentRequest, reply.body)
        return read(Adjusted, reply.body)

    # What they spend. What is held is captured or released by its id: see Loyalty.

    def redeem(
        self,
        member_id: str,
        *,
        points: int | None = None,
        amount: Money | None = None,
        reward: str | None = None,
        key: str | None = None,
    ) -> Redemption:
        """Spends points, an amount of money, or what a reward costs: exactly one of the three.

        Raises InsufficientPoints, NotActive, NotEligible, OutOfStock, Invalid.
        """
        return self._spend(member_id, Spend(points, amount, reward), key)

    def hold(
        self,
        member_id: str,
        expires_in_s: int,
        *,
        points: int | None = None,
        amount: Money | None = None,
        reward: str | None = None,
        key: str | None = None,
    ) -> Redemption:
        """Sets points aside for so many seconds. Raises as `redeem` does."""
        return self._spend(member_id, Spend(points, amount, reward, Hold(expires_in_s)), key)

    def try_redeem(
        self,
        member_id: str,
        *,
        points: int | None = None,
        amount: Money | None = None,
        reward: str | None = None,
        now: datetime | None = None,
    ) -> TriedRedemption:
        """What a redemption would be. Raises as `redeem` does."""
        path, asked = f"{self._of(member_id)}/redemptions", query_of(dry_run=True, now=now)
        told = self._wire.act(path, Spend(points, amount, reward), None, asked).body
        return read(TriedRedemption, told)

    def redemptions(self, member_id: str) -> Iterator[Redemption]:
        """What a member has spent or set aside, newest first. Raises NotEnrolled."""
        return rows(self._wire, f"{self._of(member_id)}/redemptions", Redemption)

    def _of(self, member_id: str) -> str:
        return f"{self._path}/members/{segment(member_id)}"

    def _spend(self, member_id: str, spend: Spend, key: str | None) -> Redemption:
        path = f"{self._of(member_id)}/redemptions"
        return read(Redemption, self._wire.act(path, spend, key).body)

    def _post(self, kind: type[Told], noun: str, order: object, wait_s: float) -> Told:
        until = time.monotonic() + wait_s
        at_the_bank_s = min(int(wait_s), LONGEST_WAIT_S)
        posted = Request("POST", f"{self._path}/{noun}", to_json(order), wait_s=at_the_bank_s)
        reply = self._wire.call(posted)
        told = read(kind, reply.body)
        if not wait_s or reply.status != _ASKED:
            return told
        return look_until_judged(
            lambda: read(kind, self._wire.get(f"/{noun}/{told.id}")), until - time.monotonic()
        )
