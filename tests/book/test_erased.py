"""Whoever is erased, every promise of the book still holds."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.erase import erase
from tests.book.conftest import Book, act_as
from tests.book.test_checks import verdicts
from tests.opened import AT


@pytest.mark.parametrize("name", ["ann", "bob", "eve", "finn", "gail", "gina-wine", "olga-wine"])
def test_whoever_is_erased_the_book_stays_whole(session: Session, book: Book, name: str) -> None:
    assert verdicts(session)[-1].broken == []
    act_as(session, "loyalty_app")
    erase(session, name, "x", By("test", None, AT))
    assert verdicts(session)[-1].broken == []
