"""Code whose word about its owner is believed, by the hash of it."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.core.owners import OwnerKind


class Naming(StrEnum):
    """Where a proxy says which code it runs."""

    SLOT_0 = "slot_0"
    """Safe: the first word of its storage."""
    EIP_1967 = "eip_1967"


class Question(StrEnum):
    """How code tells whom it obeys."""

    OWNER = "owner"
    """owner(): one address."""
    OWNERS = "owners"
    """getOwners() and getThreshold()."""


@dataclass(frozen=True, slots=True)
class AccountCode:
    """Code that is known: a proxy (`naming`), or what answers (`kind` and `question`)."""

    name: str
    kind: OwnerKind | None = None
    question: Question | None = None
    naming: Naming | None = None
