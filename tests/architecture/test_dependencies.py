"""What we install: pinned by hash, of licences that we may pass on, without a published fault."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from datetime import date
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture import sources
from tests.architecture.advisories import (
    FILE,
    LOCKS,
    Advisory,
    advisories,
    faults,
    of_osv,
    pins,
    written,
)

_BLOCK = re.compile(r"\n(?=\S)")
_PIN = re.compile(
    r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[A-Za-z0-9.!+]+( ; .+?)?"
    r"( \\\n    --hash=sha256:[0-9a-f]{64})+"
)
#: Those that let us pass on what we build, as SPDX and as PyPI's classifiers name them.
_ACCEPTED = {
    *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0"),
    *("MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib"),
    *(
        "Apache Software License",
        "BSD License",
        "MIT License",
        "Python Software Foundation License",
    ),
    *("Mozilla Public License 2.0 (MPL 2.0)", "DFSG approved", "OSI Approved"),
}
#: Others, and why they may be here.
_EXCEPTIONS = {
    # LGPL with an exception for this very use: imported as it comes, never changed.
    "psycopg2-binary": {"GNU Library or Lesser General Public License (LGPL)"},
}


def _licences(told: PackageMetadata) -> set[str]:
    """What a package says of its licence, in the form of today or in one of the older ones."""
    if "License-Expression" in told:
        return set(re.split(r" (?:AND|OR) |[()]", told["License-Expression"])) - {""}
    prefix = "License :: "
    classifiers = [one for one in told.get_all("Classifier") or () if one.startswith(prefix)]
    return {one.rpartition(" :: ")[2] for one in classifiers} or {told["License"]}


def test_every_pin_has_hashes_and_nothing_else_is_there() -> None:
    for lock in LOCKS:
        for block in _BLOCK.split(sources.text(Path(lock)).strip()):
            pin = "\n".join(line for line in block.splitlines() if "#" not in line)
            assert _PIN.fullmatch(pin.strip()), f"{lock}: {block}"


def test_what_is_asked_for_is_in_its_lock() -> None:
    for lock in LOCKS:
        asked = sources.text(Path(lock.replace(".txt", ".in"))).splitlines()
        lines = (line.partition("#")[0].strip() for line in asked)
        names = {
            canonicalize_name(Requirement(line).name)
            for line in lines
            if line and not line.startswith("-")
        }
        assert names
        assert names <= {name for name, _ in pins(lock)}


def test_every_licence_is_one_that_we_accept() -> None:
    refused, seen = {}, set()
    for name, _ in pins(*LOCKS):
        try:
            told = _licences(metadata(name))
        except PackageNotFoundError:
            continue  # of another platform, or of the extra
        seen.add(name)
        if others := told - _ACCEPTED - _EXCEPTIONS.get(name, set()):
            refused[name] = others
    assert refused == {}
    assert len(seen) > 50
    assert set(_EXCEPTIONS) <= seen


def test_no_pin_has_a_published_fault() -> None:
    assert faults(pins(*LOCKS), advisories(sources.text(FILE))) == []


def test_a_pin_that_has_one_is_found() -> None:
    known = advisories(sources.text(FILE))
    assert faults({("jinja2", "3.1.5"), ("pyjwt", "2.10.0"), ("pyjwt", "2.10.1")}, known) == [
        "jinja2 3.1.5: CVE-2025-27516: str.format leaves the sandbox by |attr.",
        "pyjwt 2.10.0: CVE-2024-53861: Part of an issuer's name is taken for it.",
    ]


def test_the_file_speaks_of_what_is_in_a_lock() -> None:
    text = sources.text(FILE)
    known = advisories(text)
    assert {one.package for one in known} <= {name for name, _ in pins(*LOCKS)}
    assert len({(one.id, one.package) for one in known}) == len(known)
    assert isinstance(tomllib.loads(text)["read_on"], date)
    assert all(one.affected and one.what for one in known)


def _record(id_: str, package: str, *events: dict[str, str], **more: object) -> dict[str, object]:
    spans = [{"type": "ECOSYSTEM", "events": events}, {"type": "GIT", "events": [{"fixed": "a1"}]}]
    affected = [{"package": {"ecosystem": "PyPI", "name": package}, "ranges": spans}]
    return {"id": id_, "summary": f"Of {package}.", "affected": affected, **more}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A file as OSV publishes it."""
    twice = ({"introduced": "0"}, {"fixed": "2.2"}, {"introduced": "3.0"}, {"fixed": "3.1"})
    last = ({"introduced": "1.0"}, {"last_affected": "1.9"})
    records = [
        _record("PYSEC-1", "Flask", *twice, aliases=["GHSA-x", "CVE-2030-1"]),
        _record("GHSA-2", "flask", *last),
        _record("GHSA-3", "redis", {"introduced": "9.0"}),
        _record("GHSA-4", "flask", {"introduced": "0"}, withdrawn="2030-01-01T00:00:00Z"),
        _record("GHSA-5", "django", {"introduced": "0"}),
    ]
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as file:
        for record in records:
            file.writestr(f"{record['id']}.json", json.dumps(record))
    return path


def test_it_is_brought_up_to_date_from_an_export(export: Path) -> None:
    found = list(of_osv(export, {"flask", "redis"}))
    assert found == [
        Advisory("GHSA-2", "flask", (">=1.0,<=1.9",), "Of flask."),
        Advisory("GHSA-3", "redis", (">=9.0",), "Of redis."),
        Advisory("CVE-2030-1", "flask", ("<2.2", ">=3.0,<3.1"), "Of Flask."),
    ]
    text = written([*found, *found], "# A head.\n", date(2030, 1, 2))
    assert text.startswith("# A head.\n\nread_on = 2030-01-02\n")
    assert sorted(advisories(text), key=lambda one: one.id) == sorted(found, key=lambda one: one.id)
    assert faults({("flask", "3.0.5"), ("flask", "3.1"), ("redis", "9.9")}, found) == [
        "flask 3.0.5: CVE-2030-1: Of Flask.",
        "redis 9.9: GHSA-3: Of redis.",
    ]
