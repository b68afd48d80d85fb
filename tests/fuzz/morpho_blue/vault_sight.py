"""What a MetaMorpho vault says at one block: for who deposits there and who steers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devnet import Address, Block, View, WideWorld

from fuzz.facts import Told

BALANCE = "balanceOf(address)(uint256)"
CONFIG = "config(bytes32)(uint184,bool,uint64)"
PENDING_CAP = "pendingCap(bytes32)(uint192,uint64)"
TOTALS = ("totalAssets", "totalSupply", "fee")
UNIT = 10**30
"""A whole share."""


@dataclass(frozen=True, slots=True)
class CapSight:
    """One market that the vault may lend into."""

    cap_raw: int
    pending_raw: int
    ripe_unix: int
    """When the pending cap may be accepted; 0 without one."""


@dataclass(frozen=True, slots=True)
class VaultSight:
    underlying: Address
    assets_raw: int
    shares: int
    fee_wad: int
    unit_assets_raw: int
    """What a whole share fetches."""
    idle_raw: int
    """Of its asset, what lies in the vault itself."""
    queue: Sequence[bytes]
    """Market ids, in the order in which withdrawals empty them."""
    balances: Mapping[Address, int]
    caps: Mapping[str, CapSight]

    def told(self) -> Told:
        """What is compared."""
        yield "underlying", int(self.underlying, 16)
        yield "assets_raw", self.assets_raw
        yield "supply", self.shares
        yield "unit_shares", UNIT
        yield "unit_assets_raw", self.unit_assets_raw
        yield "idle_raw", self.idle_raw
        yield "queue", int.from_bytes(b"".join(self.queue), "big")


class VaultViewer:
    """Asks the contract; everything at one block hash."""

    def __init__(self, world: WideWorld, people: Sequence[Address]) -> None:
        self._world = world
        self._people = people
        self._asset = world.token(world.terms.vaults[0].asset)
        self._markets = [cap.market for cap in world.terms.vaults[0].caps]

    async def see(self, block: Block) -> VaultSight:
        vault, ids = (
            self._world.vault.address,
            [self._world.morpho.params(m).id for m in self._markets],
        )
        answers = await self._world.read(
            [
                View(vault, "asset()(address)"),
                *(View(vault, f"{name}()(uint256)") for name in TOTALS),
                View(vault, "convertToAssets(uint256)(uint256)", (UNIT,)),
                View(self._asset, BALANCE, (vault,)),
                *(View(vault, CONFIG, (key,)) for key in ids),
                *(View(vault, PENDING_CAP, (key,)) for key in ids),
                *(View(vault, BALANCE, (who,)) for who in self._people),
            ],
            block.hash,
        )
        count, rest = len(ids), answers[len(TOTALS) + 3 :]
        caps = {
            market: CapSight(config[0], *pending)
            for market, config, pending in zip(
                self._markets, rest[:count], rest[count : 2 * count], strict=True
            )
        }
        balances = dict(zip(self._people, rest[2 * count :], strict=True))
        underlying, assets, shares, fee, unit, idle = answers[: len(TOTALS) + 3]
        queue = await self._world.vault.withdraw_queue(block.hash)
        return VaultSight(underlying, assets, shares, fee, unit, idle, queue, balances, caps)
