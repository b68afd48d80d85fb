"""What a verb of the pools may look at."""

from dataclasses import dataclass

from devnet import Address, World

from fuzz.scene import Moves, Scene
from fuzz.uniswap_v3.sight import PoolsSight


@dataclass(frozen=True, slots=True)
class UniswapScene:
    stage: Scene
    world: World
    provider: Address
    """The contract that adds and removes liquidity."""
    sight: PoolsSight

    @property
    def is_dark(self) -> bool:
        return False

    def price(self, symbol: str) -> int:
        """What the asset's feed answers, in USD with eight decimals."""
        return self.stage.sight.answers[self.world.addresses.feeds[symbol]]

    def share_after(self, moves: Moves, seconds: int = 0) -> float:
        """Nobody owes anything here."""
        return 1.0
