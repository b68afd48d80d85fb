"""Whose an account is, as answers and people are told it."""

import pytest
from builders import an_address

from monitor.core.owners import OwnerKind, Ownership
from monitor.core.units import Address
from monitor.display import ownership_words
from monitor.engine.ownership import ownership_json

ME, YOU, SAFE, CODE = (an_address(name) for name in ("me", "you", "safe", "code"))
HASH = "0x" + "ab" * 32


def words(told: Ownership | None, owner: Address) -> str:
    return ownership_words(ownership_json(told, SAFE, owner, str))


def test_ownership__of_a_safe__is_told_with_its_evidence() -> None:
    told = Ownership(OwnerKind.SAFE, (ME,), 1, HASH, CODE)
    assert ownership_json(told, SAFE, ME, str.upper) == {
        "account": SAFE.upper(),
        "owner": ME.upper(),
        "kind": "safe",
        "controllers": [ME.upper()],
        "threshold": 1,
        "code_hash": HASH,
        "implementation": CODE.upper(),
    }
    assert words(told, ME) == f"{SAFE} is {ME}'s: safe, which obeys 1 of {ME}"


@pytest.mark.parametrize(
    ("told", "kind", "reason"),
    [
        (Ownership(OwnerKind.CONTRACT, reason="code unknown"), "contract", "code unknown"),
        (None, None, "not asked"),
    ],
)
def test_ownership__that_is_unresolved__is_its_own_and_says_why(
    told: Ownership | None, kind: str | None, reason: str
) -> None:
    answer = ownership_json(told, SAFE, SAFE, str)
    assert (answer["kind"], answer["owner"]) == (kind, SAFE)
    assert reason in answer["unknown"][0]
    assert words(told, SAFE).startswith(f"{SAFE} counts as its own: ")


def test_ownership__of_several__says_how_many_must_agree() -> None:
    told = Ownership(OwnerKind.SAFE, (ME, YOU), 2, HASH, CODE)
    assert words(told, SAFE) == f"{SAFE} is its own: safe, which obeys 2 of {ME}, {YOU}"


def test_ownership__of_a_person__is_short() -> None:
    assert words(Ownership(OwnerKind.EOA), SAFE) == f"{SAFE} is its own: eoa"
