"""advisories.toml: what it says of our locks, and how it is brought up to date without a network.

`make advisories OSV=all.zip` reads the export of all advisories for Python that OSV publishes as
one file, and keeps those of packages that are in a lock.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.architecture import sources

FILE = Path("advisories.toml")
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-kafka.txt")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ \\;]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Advisory:
    """A published fault of a package, in each of the `affected` ranges of its versions."""

    id: str
    package: str
    affected: tuple[str, ...]
    what: str

    def concerns(self, version: str) -> bool:
        """Whether that version has the fault."""
        return any(SpecifierSet(one).contains(version, prereleases=True) for one in self.affected)


def advisories(text: str) -> list[Advisory]:
    """Those that the file tells."""
    told = tomllib.loads(text)["advisory"]
    return [
        Advisory(one["id"], canonicalize_name(one["package"]), tuple(one["affected"]), one["what"])
        for one in told
    ]


def pins(*locks: str) -> set[tuple[str, str]]:
    """Name and version of every package that is pinned in the locks."""
    found = (pin for lock in locks for pin in _PIN.findall(sources.text(Path(lock))))
    return {(canonicalize_name(name), version) for name, version in found}


def faults(pinned: Iterable[tuple[str, str]], known: Iterable[Advisory]) -> list[str]:
    """What is wrong with the pins, as sentences."""
    known = list(known)
    return sorted(
        f"{name} {version}: {advisory.id}: {advisory.what}"
        for name, version in pinned
        for advisory in known
        if advisory.package == name and advisory.concerns(version)
    )


def of_osv(export: Path, packages: Collection[str]) -> Iterator[Advisory]:
    """The advisories of an export of OSV that speak of the packages."""
    with zipfile.ZipFile(export) as records:
        for name in sorted(records.namelist()):
            record = json.loads(records.read(name))
            if "withdrawn" in record:
                continue
            ids = [record["id"], *record.get("aliases", ())]
            id_ = next((one for one in ids if one.startswith("CVE-")), record["id"])
            for package, affected in _affected(record):
                if package in packages and affected:
                    yield Advisory(id_, package, affected, _first_line(record))


def _affected(record: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for one in record.get("affected", ()):
        if one["package"]["ecosystem"] == "PyPI":
            ranges = (span for span in one.get("ranges", ()) if span["type"] == "ECOSYSTEM")
            told = tuple(spec for span in ranges for spec in _specifiers(span["events"]))
            yield canonicalize_name(one["package"]["name"]), told


def _specifiers(events: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """`introduced 0, fixed 3, introduced 4` as `<3` and `>=4`."""
    begun = ""
    for event in events:
        if "introduced" in event:
            begun = "" if event["introduced"] == "0" else f">={event['introduced']}"
            continue
        end = f"<{event['fixed']}" if "fixed" in event else f"<={event['last_affected']}"
        yield f"{begun},{end}".strip(",")
        begun = "done"
    if begun != "done":
        yield begun or ">=0"


def _first_line(record: Mapping[str, Any]) -> str:
    text = record.get("summary") or record.get("details") or "It does not say."
    return " ".join(str(text).split())[:160]


def written(known: Iterable[Advisory], head: str, day: date) -> str:
    """The file's text, below the words at its head."""
    blocks = [f"{head}\nread_on = {day.isoformat()}\n"]
    for one in sorted(set(known), key=lambda one: (one.package, one.id)):
        affected = ", ".join(json.dumps(span) for span in one.affected)
        blocks.append(
            f"[[advisory]]\nid = {json.dumps(one.id)}\npackage = {json.dumps(one.package)}\n"
            f"affected = [{affected}]\nwhat = {json.dumps(one.what, ensure_ascii=False)}\n"
        )
    return "\n".join(blocks)


def main(export: str) -> None:
    """Writes advisories.toml anew."""
    head = sources.text(FILE).partition("read_on")[0]
    packages = {name for name, _ in pins(*LOCKS)}
    found = of_osv(Path(export), packages)
    today = date.today()  # noqa: DTZ011
    (sources.ROOT / FILE).write_text(written(found, head.rstrip("\n") + "\n", today))


if __name__ == "__main__":
    main(sys.argv[1])
