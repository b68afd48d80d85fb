"""What is done to the chain and to the monitor, step by step: as values, and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devnet import Address, Tx, World


@dataclass(frozen=True, slots=True)
class Act:
    """One transaction, and the verb that drew it."""

    verb: str
    tx: Tx


@dataclass(frozen=True, slots=True)
class Mine:
    """A block of these transactions."""

    at_unix: int
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Rollback:
    """The newest blocks are gone. `awaited`: the monitor must notice before anything follows."""

    depth: int
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Reorg:
    """anvil_reorg: the newest blocks are replaced at once, all dated like the fork point."""

    depth: int
    acts: tuple[tuple[int, Act], ...] = ()
    """(which of the new blocks, from 0; what happens there)."""


@dataclass(frozen=True, slots=True)
class Die:
    """The monitor is killed, with a block before it that it may be working on."""


@dataclass(frozen=True, slots=True)
class Resume:
    """It starts again from its store."""


Step = Mine | Rollback | Reorg | Die | Resume
Script = Sequence[Step]


def acts_in(script: Script) -> int:
    """How many transactions a script holds."""
    return sum(len(step.acts) for step in script if isinstance(step, Mine | Reorg))


def to_json(script: Script) -> list[dict[str, Any]]:
    return [_step_to_json(step) for step in script]


def from_json(world: World, steps: Sequence[dict[str, Any]]) -> list[Step]:
    """Raises KeyError or TypeError on what `to_json` did not write."""
    return [_step_from_json(world, dict(step)) for step in steps]


def _step_to_json(step: Step) -> dict[str, Any]:
    match step:
        case Mine(at_unix, acts):
            return {"do": "mine", "at_unix": at_unix, "acts": [_act(act) for act in acts]}
        case Rollback(depth, awaited):
            return {"do": "rollback", "depth": depth, "awaited": awaited}
        case Reorg(depth, placed):
            acts_of_blocks = [{**_act(act), "block": place} for place, act in placed]
            return {"do": "reorg", "depth": depth, "acts": acts_of_blocks}
        case Die():
            return {"do": "die"}
        case Resume():
            return {"do": "resume"}


def _act(act: Act) -> dict[str, Any]:
    tx = act.tx
    return {
        "verb": act.verb,
        "sender": tx.sender,
        "to": tx.to,
        "data": tx.data.hex(),
        "label": tx.label,
        "gas": tx.gas,
    }


def _step_from_json(world: World, step: dict[str, Any]) -> Step:
    match step["do"]:
        case "mine":
            return Mine(step["at_unix"], tuple(_act_of(world, act) for act in step["acts"]))
        case "rollback":
            return Rollback(step["depth"], step["awaited"])
        case "reorg":
            placed = tuple((act["block"], _act_of(world, act)) for act in step["acts"])
            return Reorg(step["depth"], placed)
        case "die":
            return Die()
        case "resume":
            return Resume()
    raise KeyError(step["do"])


def _act_of(world: World, act: dict[str, Any]) -> Act:
    to: Address | None = act["to"]
    data = bytes.fromhex(act["data"])
    return Act(act["verb"], Tx(world, act["sender"], to, data, act["label"], act["gas"]))
