"""The wide world in hand: `world` itself acts on Aave 3.6, its parts on the rest."""

from devnet.abi import Address
from devnet.addresses import WideAddresses
from devnet.anvil import Anvil
from devnet.deployer import ADMIN
from devnet.metamorpho import Vault
from devnet.morpho import Morpho
from devnet.transactions import Tx
from devnet.wide_terms import WideTerms
from devnet.world import World


class WideWorld(World):
    addresses: WideAddresses
    terms: WideTerms

    def __init__(
        self, anvil: Anvil, addresses: WideAddresses, terms: WideTerms | None = None
    ) -> None:
        terms = terms or WideTerms()
        super().__init__(anvil, addresses, terms)
        self.aave_3_0: World = self.of_market(addresses.aave_3_0)
        self.morpho = Morpho(self, addresses.morpho)
        self.vaults = {name: Vault(self.morpho, name) for name in addresses.morpho.vaults}

    @property
    def vault(self) -> Vault:
        """The first vault of the terms."""
        return self.vaults[self.terms.vaults[0].name]

    @property
    def spenders(self) -> tuple[Address, ...]:
        morpho = self.addresses.morpho
        pools = (self.addresses.pool, self.addresses.aave_3_0.pool)
        return (*pools, self.addresses.router, morpho.morpho, *morpho.vaults.values())

    def set_staking_rate(self, rate_wad: int, growth_per_second_wad: int = 0) -> Tx:
        """What one wstETH is worth in ether from now on, and its growth; less is a slashing."""
        signature = "setRate(uint256,uint256)"
        return self.tx(
            ADMIN, self.addresses.staked_ether, signature, rate_wad, growth_per_second_wad
        )
