"""Deploys and configures contracts as one account, the admin of everything."""

from typing import Any

from devnet import abi
from devnet.abi import Address
from devnet.artifacts import artifact
from devnet.chain import Chain
from devnet.transactions import Receipt, Tx

ADMIN: Address = abi.account("admin")
DEPLOY_GAS = 40_000_000


class Deployer:
    """Libraries are deployed once, when first linked."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.admin = ADMIN
        self._libraries: dict[str, Address] = {}

    async def deploy(self, name: str, *args: Any) -> Address:
        contract = artifact(name)
        for library in contract.links:
            if library not in self._libraries:
                self._libraries[library] = await self.deploy(library)
        code = contract.creation_code(self._libraries, args)
        receipt = await Tx(self.chain, ADMIN, None, code, f"deploy {name}", DEPLOY_GAS)
        assert receipt.contract_address is not None
        return receipt.contract_address

    async def send(self, to: Address, signature: str, *args: Any) -> Receipt:
        return await self.chain.tx(ADMIN, to, signature, *args, gas=DEPLOY_GAS)
