"""A venue is one market of the play: what it shows, what is done there, and who follows it.

A new protocol is a folder with one of these and a line in `cast.py`.
"""

from collections.abc import Mapping
from typing import Protocol

from devnet import Address, Block

from fuzz.facts import Facts
from fuzz.scene import Foresight, Scene
from fuzz.script import Act
from fuzz.sight import Part
from fuzz.verb import Verb
from monitor.core.ledger import LedgerView
from monitor.core.sources import EventSource


class Venue(Protocol):
    """Holds no state: whatever it says follows from a block, a ledger or a scene."""

    @property
    def name(self) -> str: ...

    @property
    def verbs(self) -> tuple[Verb[Scene], ...]: ...

    @property
    def holders(self) -> tuple[Address, ...]:
        """Whose positions are compared: everybody who can come to have one."""
        ...

    @property
    def names(self) -> Mapping[Address, str]:
        """Its contracts, for who reads a script."""
        ...

    async def see(self, block: Block) -> Part:
        """What the contracts say, everything at that block's hash."""
        ...

    def told(self, view: LedgerView, at_unix: int) -> Facts:
        """What the monitor says, of the same subjects in the same fields."""
        ...

    def sources(self) -> tuple[EventSource, ...]:
        """The monitor's plug-ins, new for each of its lives."""
        ...

    def enter(self, scene: Scene) -> Foresight: ...

    def light(self, scene: Scene) -> Act | None:
        """The end of darkness."""
        ...

    def repair(self, scene: Scene) -> Act | None:
        """Somebody comes into solvent debt there."""
        ...
