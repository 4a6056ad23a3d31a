"""The bank as your code sees it: `Loyalty` has what is known by its id, `Program` the rest."""

from __future__ import annotations

from collections.abc import Callable

import requests

from loyalty_client.events import Feed
from loyalty_client.judged import look_until_judged
from loyalty_client.listing import A_PAGE, query_of, segment
from loyalty_client.members import MemberToken, Profile
from loyalty_client.orders import Identifier, Step
from loyalty_client.patience import Patience
from loyalty_client.program import Program
from loyalty_client.purchases import Purchase, Returned
from loyalty_client.reading import read, to_json
from loyalty_client.redemptions import Redemption
from loyalty_client.wire import Request, Token, Wire

_USUAL = Patience()


class Loyalty:
    """One way in, for all threads of a process: make one and keep it.

    `token` is an API key, a JWT, or a function that returns one that is valid now. `session` makes
    the sessions of `requests` that are used, for proxies and certificates of your own. Every call
    may raise Refused or Unreachable, or what loyalty_client.problems derives from them.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        patience: Patience = _USUAL,
        session: Callable[[], requests.Session] = requests.Session,
    ) -> None:
        self._wire = Wire(url, token, patience, session)

    def __enter__(self) -> Loyalty:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the kept connections."""
        self._wire.close()

    def program(self, slug: str) -> Program:
        """One program of the tenant whose token it is. Nothing is asked yet."""
        return Program(self._wire, slug)

    def purchase(self, earn_id: str) -> Purchase:
        """What became of a purchase. Raises NotFound."""
        return read(Purchase, self._wire.get(f"/earns/{segment(earn_id)}"))

    def wait(self, earn_id: str, within_s: float = 10.0) -> Purchase:
        """The purchase once it is `judged`, or as it is when the time is up."""
        return look_until_judged(lambda: self.purchase(earn_id), within_s)

    def activate(self, earn_id: str, *, key: str | None = None) -> Purchase:
        """Lets the pending points of a purchase be spent now. Raises Conflict if none are."""
        return read(Purchase, self._wire.act(f"/earns/{segment(earn_id)}/activate", {}, key).body)

    def returned(self, return_id: str) -> Returned:
        """What became of a return, by the id that the bank gave it. Raises NotFound."""
        return read(Returned, self._wire.get(f"/returns/{segment(return_id)}"))

    def wait_returned(self, return_id: str, within_s: float = 10.0) -> Returned:
        """The return once it is `judged`, or as it is when the time is up."""
        return look_until_judged(lambda: self.returned(return_id), within_s)

    def redemption(self, redemption_id: str) -> Redemption:
        """A redemption as it is now. Raises NotFound."""
        return read(Redemption, self._wire.get(f"/redemptions/{segment(redemption_id)}"))

    def capture(
        self, redemption_id: str, points: int | None = None, *, key: str | None = None
    ) -> Redemption:
        """Spends what is held, or a part of it; the rest is released. Raises WrongState."""
        return self._step(redemption_id, "capture", Step(points), key)

    def release(self, redemption_id: str, *, key: str | None = None) -> Redemption:
        """Sets free what is held. Raises WrongState."""
        return self._step(redemption_id, "release", Step(), key)

    def cancel(
        self,
        redemption_id: str,
        points: int | None = None,
        *,
        reason: str | None = None,
        key: str | None = None,
    ) -> Redemption:
        """Gives back what was spent, or a part of it, to the very lots. Raises WrongState."""
        return self._step(redemption_id, "cancel", Step(points, reason), key)

    def profile(self, member_id: str) -> Profile:
        """A member in every program. Raises NotFound."""
        return read(Profile, self._wire.get(f"/members/{segment(member_id)}"))

    def lookup(self, identifier: Identifier) -> Profile:
        """The member who is known by a card, a phone number …. Raises NotFound."""
        asked = to_json({"identifier": identifier})
        return read(Profile, self._wire.call(Request("POST", "/members/lookup", asked)).body)

    def member_token(self, member_id: str, life_s: int = 900) -> MemberToken:
        """A token with which an app speaks for this member alone, for an hour at most."""
        path = f"/members/{segment(member_id)}/tokens"
        asked = to_json({"expires_in_s": life_s})
        return read(MemberToken, self._wire.call(Request("POST", path, asked)).body)

    def events(
        self,
        after: str | None = None,
        *,
        type: str | None = None,
        program: str | None = None,
    ) -> Feed:
        """What happened after a cursor: from the beginning without one, from now on `latest`.

        Nothing is left out and nothing told twice, as long as each call takes the last `cursor`.
        """
        asked = query_of(after=after, type=type, program=program, limit=A_PAGE)
        return read(Feed, self._wire.get("/events", asked))

    def _step(self, redemption_id: str, name: str, step: Step, key: str | None) -> Redemption:
        path = f"/redemptions/{segment(redemption_id)}/{name}"
        return read(Redemption, self._wire.act(path, step, key).body)
