"""Anvil without protocols, and four tiny contracts assembled by hand."""

from dataclasses import dataclass

from devnet import Anvil
from devnet.artifacts import artifact

from monitor.core.blocks import BlockRef
from monitor.core.units import Address, BlockHash

SENDER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")
REGISTER = Address("0x" + "a1" * 20)
"""Called with two words: stores the second and logs it under the first. Else: returns it."""
OTHER_REGISTER = Address("0x" + "a2" * 20)
REFUSING = Address("0x" + "b1" * 20)
"""Reverts with Error("nope")."""
WORDLESS = Address("0x" + "b2" * 20)
"""Reverts with nothing."""
BROKEN = Address("0x" + "b3" * 20)
"""Runs into an invalid opcode."""
SHORT = Address("0x" + "b4" * 20)
"""Returns five bytes."""
NOBODY = Address("0x" + "c1" * 20)

REGISTER_CODE = "3660401460125760005460005260206000f35b602035806000526000556000356020600" + "0a100"
CODES = {
    REGISTER: REGISTER_CODE,
    OTHER_REGISTER: REGISTER_CODE,
    REFUSING: f"7f08c379a0{'00' * 28}6000526020600452600460245"
    + f"27f6e6f7065{'00' * 28}60445260646000fd",
    WORDLESS: "60006000fd",
    BROKEN: "fe",
    SHORT: "60056000f3",
}


@dataclass(frozen=True, slots=True)
class BareChain:
    """A bare anvil with the contracts above. Blocks are mined only when asked for."""

    anvil: Anvil

    async def put_contracts(self) -> None:
        for address, code in CODES.items():
            await self.anvil.rpc("anvil_setCode", address, "0x" + code)
        await self.mine()

    async def put_multicall3(self) -> None:
        code = artifact("Multicall3").creation_code({}, ())
        sent = {"from": SENDER, "data": "0x" + code.hex(), "gas": hex(5_000_000)}
        hash = await self.anvil.rpc("eth_sendTransaction", sent)
        await self.mine()
        made = (await self.anvil.rpc("eth_getTransactionReceipt", hash))["contractAddress"]
        runtime = await self.anvil.rpc("eth_getCode", made, "latest")
        await self.anvil.rpc("anvil_setCode", MULTICALL3, runtime)
        await self.mine()

    async def mine(self, count: int = 1) -> BlockRef:
        for _ in range(count):
            await self.anvil.rpc("evm_mine")
        return await self.newest()

    async def write(self, value: int, *, to: Address = REGISTER, topic: int = 1) -> None:
        """Queue a transaction that stores and logs; it is in the next block mined."""
        data = f"0x{topic:064x}{value:064x}"
        sent = {"from": SENDER, "to": to, "data": data, "gas": hex(100_000)}
        await self.anvil.rpc("eth_sendTransaction", sent)

    async def newest(self) -> BlockRef:
        return await self.block("latest")

    async def block(self, name: int | str) -> BlockRef:
        name = hex(name) if isinstance(name, int) else name
        block = await self.anvil.rpc("eth_getBlockByNumber", name, False)
        return BlockRef(
            int(block["number"], 16),
            BlockHash(block["hash"]),
            BlockHash(block["parentHash"]),
            int(block["timestamp"], 16),
        )
