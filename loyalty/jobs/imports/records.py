"""What a line of each file says, when it can be read: the orders of the verbs behind, and how
they wait as JSON between the door that read them and the worker that brings them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from loyalty.care.bring_members import Brought
from loyalty.care.open_balances import Opening
from loyalty.earning.accept import Earn, plain
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier

What = Literal["members", "balances", "purchases", "vouchers"]
WHATS: tuple[What, ...] = get_args(What)


@dataclass(frozen=True, slots=True)
class Code:
    """A voucher code for the pool of a reward, named by its key."""

    reward: str
    code: str
    expires_at: datetime | None = None


Record = Brought | Opening | Earn | Code


def subject_of(record: Record) -> str:
    """Whom or what a line is about, for those who read why it was refused."""
    match record:
        case Brought():
            return record.who.member_id
        case Opening():
            return record.reference
        case Earn():
            return f"{record.source} {record.transaction_id}"
        case Code():
            return f"{record.reward} {record.code}"


def to_json(record: Record) -> dict[str, Any]:
    """The record as JSON holds it: instants and days as text, amounts as decimal text."""
    return {name: _told(value) for name, value in asdict(record).items() if value is not None}


def _told(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _told(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(inner) for inner in value]
    return value


def from_json(what: What, told: Mapping[str, Any]) -> Record:
    """The record that `to_json` told."""
    return _READ[what](dict(told))


def _brought(told: dict[str, Any]) -> Brought:
    who = dict(told["who"])
    who["identifiers"] = tuple(Identifier(**one) for one in who["identifiers"])
    who["birthday"] = date.fromisoformat(who["birthday"]) if who.get("birthday") else None
    return Brought(
        NewMember(**who),
        _instant(told.get("joined_at")),
        told.get("tier"),
        _instant(told.get("tier_until")),
    )


def _opening(told: dict[str, Any]) -> Opening:
    instants = ("earned_at", "activates_at", "expires_at")
    return Opening(**{**told, **{name: _instant(told.get(name)) for name in instants}})


def _earn(told: dict[str, Any]) -> Earn:
    kind_and_value = told.get("identifier")
    return Earn(
        **{
            **told,
            "occurred_at": datetime.fromisoformat(told["occurred_at"]),
            "identifier": (kind_and_value[0], kind_and_value[1]) if kind_and_value else None,
            "amount": Decimal(told["amount"]) if "amount" in told else None,
        }
    )


def _code(told: dict[str, Any]) -> Code:
    return Code(**{**told, "expires_at": _instant(told.get("expires_at"))})


def _instant(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


_READ: Mapping[What, Callable[[dict[str, Any]], Record]] = {
    "members": _brought,
    "balances": _opening,
    "purchases": _earn,
    "vouchers": _code,
}
