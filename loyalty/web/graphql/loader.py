"""Reads one by one that become reads of sets, so that a list costs what one item does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loader(Generic[K, V]):
    """The first `get` reads all that `expect` has named; nothing is read before somebody asks."""

    def __init__(self, read: Callable[[Collection[K]], Mapping[K, V]]) -> None:
        self._read = read
        self._expected: set[K] = set()
        self._known: dict[K, V | None] = {}

    def expect(self, keys: Iterable[K | None]) -> None:
        """What may be asked for soon: that of a whole page, when it has been read."""
        self._expected.update(key for key in keys if key is not None and key not in self._known)

    def put(self, key: K, value: V) -> None:
        """What has been read already."""
        self._known[key] = value

    def get(self, key: K) -> V | None:
        """What is there under the key; None if nothing is."""
        if key not in self._known:
            wanted = self._expected | {key}
            found = self._read(wanted)
            self._known.update((one, found.get(one)) for one in wanted)
            self._expected.clear()
        return self._known[key]
