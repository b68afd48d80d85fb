"""What the monitor says: the daemon as its users run it, asked over HTTP, page by page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon_process import DaemonProcess, command
from devnet.abi import Address
from devnet.configuration import AAVE_3_0, Wiring, configuration

from loops.places import SPARK
from loops.scene import CLAIM, Scene

PAGE = 7
"""Rows asked for at a time: few, so that paging is part of it."""
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Row:
    """One loop as it was told. `debts`: what is owed on its path."""

    id: str
    kind: str
    built: str
    hops: int | None
    owner: Address
    accounts: frozenset[Address]
    markets: frozenset[str]
    debts: frozenset[Address]
    leverage: float | None
    collateral_usd: str | None
    debt_usd: str | None
    evidence: tuple[str, ...]
    path: str

    def __str__(self) -> str:
        return (
            f"{self.kind}, {self.built}, {self.hops} hops, leverage {self.leverage}, "
            f"{self.collateral_usd} against {self.debt_usd} USD, {self.path}"
        )


def write_config(
    scene: Scene, folder: Path, port: int, start_block: str | int, account_code: Mapping[str, str]
) -> Path:
    """The devnet's configuration, where the second market of Aave is called spark, aWETH is a
    claim too, and so much code is vouched for.
    """
    wiring = Wiring(state_dir=folder / "state", port=port, start_block=start_block)
    text = configuration(scene.world, wiring).replace(f'name = "{AAVE_3_0}"', f'name = "{SPARK}"')
    claim = f'[[receipts]]\ntoken = "{scene.tokens[CLAIM]}"\nkind = "aave_atoken"\n'
    path = folder / "monitor.toml"
    vouched = "".join(
        f'[[account_code]]\nhash = "{hash}"\nkind = "{kind}"\n'
        for hash, kind in account_code.items()
    )
    path.write_text(text + claim + vouched)
    return path


async def rows(daemon: DaemonProcess) -> list[Row]:
    """Every loop it tells of, at one block."""
    found: list[Row] = []
    path = f"/api/v1/loops?limit={PAGE}"
    while True:
        code, answer = await daemon.get(path)
        if code != 200:
            raise AssertionError(f"GET {path}: {code} {answer}")
        found += [_row(each) for each in answer["loops"]]
        if answer["next"] is None:
            return found
        path = f"/api/v1/loops?limit={PAGE}&cursor={answer['next']}"


async def stored_rows(config: Path) -> list[Row]:
    """The same of the command, which reads the store of a daemon that has ended."""
    answer = await command("loops", "--config", str(config), "--json", "--limit", "1000")
    return [_row(each) for each in answer.document["loops"]]


def _row(told: dict[str, Any]) -> Row:
    legs = told["path"]
    return Row(
        id=told["id"],
        kind=told["kind"],
        built=told["built"],
        hops=told["hops"],
        owner=told["owner"].lower(),
        accounts=frozenset(account.lower() for account in told["accounts"]),
        markets=frozenset(told["markets"]),
        debts=frozenset(leg["debt"].lower() for leg in legs if leg["debt"] is not None),
        leverage=told["leverage"],
        collateral_usd=told["collateral_usd"],
        debt_usd=told["debt_usd"],
        evidence=tuple(told["evidence"]),
        path=" > ".join(f"{leg['market']} {leg['collateral']}/{leg['debt']}" for leg in legs),
    )
