"""What belongs together, found by joining two at a time."""

from collections.abc import Iterable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=tuple[str, ...] | str)


class Groups(Generic[Name]):
    """Disjoint groups of names. Each is called by its smallest, so no order of joining matters."""

    def __init__(self) -> None:
        self._above: dict[Name, Name] = {}

    def join(self, one: Name, other: Name) -> None:
        first, second = sorted((self.top(one), self.top(other)))
        self._above[second] = first

    def join_all(self, names: Iterable[Name]) -> None:
        known = list(names)
        for name in known:
            self.join(known[0], name)

    def top(self, name: Name) -> Name:
        """What the group of a name is called; a new name is a group of its own."""
        above = self._above.setdefault(name, name)
        while above != name:
            self._above[name] = self._above[above]
            name, above = above, self._above[above]
        return name

    def members(self) -> dict[Name, list[Name]]:
        """Every group by what it is called, its names in the order they came."""
        found: dict[Name, list[Name]] = {}
        for name in self._above:
            found.setdefault(self.top(name), []).append(name)
        return found
