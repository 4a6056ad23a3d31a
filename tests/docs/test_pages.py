"""Pages point to what is there, and the page of libraries names every one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loyalty.events.feed import TYPES
from tests.architecture import sources

_PAGES = [path for path in sources.files() if path.suffix == ".md"]
#: What is written like an event and is none: a column.
_NO_EVENTS = {"member.merged_into"}
_LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([\w-]+))?\)")


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", _PAGES, ids=str)
def test_every_link_leads_somewhere(path: Path) -> None:
    for name, anchor in _LINK.findall(sources.text(path)):
        target = (sources.ROOT / path).parent / name if name else sources.ROOT / path
        assert target.exists(), name
        assert not anchor or anchor in _anchors(target), f"{name}#{anchor}"


@pytest.mark.parametrize("path", _PAGES, ids=str)
def test_events_go_by_the_names_that_the_feed_gives_them(path: Path) -> None:
    nouns = "|".join(sorted({name.partition(".")[0] for name in TYPES}))
    told = re.findall(rf"`((?:{nouns})\.[a-z_]+(?:\.v\d+)?)`", sources.text(path))
    assert set(told) - _NO_EVENTS <= TYPES


def test_every_library_says_why() -> None:
    wanted = re.findall(r"^[a-z][\w-]*", sources.text(Path("requirements.in")), re.MULTILINE)
    page = sources.text(Path("docs/decisions/0002-libraries.md"))
    told = re.findall(r"^\| ([a-z][\w-]*)", page, re.MULTILINE)
    assert set(told) - {"library"} == set(wanted)


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    folder = Path("docs/decisions")
    pages = [path.name for path in sources.files() if path.parent == folder]
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    listed = re.findall(r"\]\(decisions/(.+?)\)", sources.text(Path("docs/architecture.md")))
    assert listed == pages
