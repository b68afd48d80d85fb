"""Accounts that are contracts (Safes, DSProxies, clones, smart accounts), and acting through them.

    wallets = await open_wallets(world)
    safe = await wallets.safe(alice, bob, threshold=1)
    await safe.act(world.supply(safe.address, "WETH", amount))

Safe 1.4.1 and SimpleAccount 0.7 are real, the latter at the addresses it has on mainnet, since
its code holds them; no entry point is there, as owners may act without it. DSProxy is our double.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import count

from eth_utils.crypto import keccak

from devnet import abi
from devnet.abi import ZERO_ADDRESS, Address
from devnet.artifacts import artifact
from devnet.chain import Chain
from devnet.deployer import ADMIN, DEPLOY_GAS, Deployer
from devnet.transactions import Tx

CREATE2_DEPLOYER: Address = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
"""Arachnid's; anvil has it from the first block on."""
ENTRY_POINT: Address = "0x0000000071727de22e5e9d8baf0edac6f37da032"
"""Of ERC-4337 v0.7. Nothing is deployed there."""
CALLS = "(address,bytes)[]"
SETUP = "setup(address[],uint256,address,bytes,address,address,uint256,address)"
EXECUTE = (
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
)
HASH = (
    "getTransactionHash(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,"
    "uint256)(bytes32)"
)
PROXY_CREATED = "0x" + keccak(text="ProxyCreation(address,address)").hex()
OWN_GAS = 1_000_000


@dataclass(frozen=True)
class Wallet(ABC):
    """An account of somebody's. `actor`: our contract that runs several calls for whom lends it
    his identity."""

    chain: Chain
    address: Address
    owners: tuple[Address, ...]
    actor: Address

    @abstractmethod
    def act(self, *actions: Tx) -> Tx:
        """One transaction of its owner's that does these as the account, or none of them.

        They are built with the account as sender: `world.supply(wallet.address, …)`. The result
        may in turn be acted by a wallet that owns this one.
        """

    def _tx(self, actions: tuple[Tx, ...], signature: str, *args: object) -> Tx:
        strangers = [action.label for action in actions if action.sender != self.address]
        if strangers:
            raise ValueError(f"{', '.join(strangers)}: built for another sender than the wallet")
        gas = OWN_GAS + sum(action.gas for action in actions)
        return self.chain.tx(self.owners[0], self.address, signature, *args, gas=gas)

    def _all(self, actions: tuple[Tx, ...]) -> bytes:
        calls = [(action.to, action.data) for action in actions]
        return abi.function(f"run({CALLS})").encode(calls)


@dataclass(frozen=True)
class Safe(Wallet):
    """`owners` sorted. The first of them sends; of a higher threshold, the next ones `agree`."""

    threshold: int = 1

    def act(self, *actions: Tx) -> Tx:
        signers = self.owners[: self.threshold]
        # Type 1: the sender's own, or one approved by its hash before.
        signatures = b"".join(
            bytes.fromhex(signer[2:]).rjust(32, b"\0") + bytes(32) + b"\1" for signer in signers
        )
        return self._tx(actions, EXECUTE, *self._inner(actions), signatures)

    async def agree(self, *actions: Tx) -> list[Tx]:
        """What the others have to send before `act` of the same actions."""
        nonce = await self.chain.call(self.address, "nonce()(uint256)")
        hash = await self.chain.call(self.address, HASH, *self._inner(actions), nonce)
        return [
            self.chain.tx(signer, self.address, "approveHash(bytes32)", hash)
            for signer in self.owners[1 : self.threshold]
        ]

    def _inner(self, actions: tuple[Tx, ...]) -> tuple[object, ...]:
        """One is called; several are run by the actor, by delegatecall."""
        call = (actions[0].to, 0, actions[0].data, 0)
        run = (self.actor, 0, self._all(actions), 1)
        return (*(call if len(actions) == 1 else run), 0, 0, 0, ZERO_ADDRESS, ZERO_ADDRESS)


class DsProxy(Wallet):
    def act(self, *actions: Tx) -> Tx:
        return self._tx(actions, "execute(address,bytes)", self.actor, self._all(actions))


class SmartAccount(Wallet):
    def act(self, *actions: Tx) -> Tx:
        targets, data = [action.to for action in actions], [action.data for action in actions]
        signature = "executeBatch(address[],uint256[],bytes[])"
        return self._tx(actions, signature, targets, [0] * len(actions), data)


@dataclass(frozen=True)
class Wallets:
    """What accounts are made of.

    `account_code`: hash to kind of what no table holds, for the monitor's [[account_code]].
    """

    chain: Chain
    singleton: Address
    safe_factory: Address
    account_factory: Address
    actor: Address
    account_code: dict[str, str]
    salts: "count[int]"

    async def safe(self, *owners: Address, threshold: int = 1) -> Safe:
        address = await self.safe_proxy_of(self.singleton, _setup(owners, threshold))
        return Safe(self.chain, address, tuple(sorted(owners)), self.actor, threshold)

    async def safe_proxy_of(self, singleton: Address, setup: bytes = b"") -> Address:
        """Safe's own proxy in front of anything."""
        signature = "createProxyWithNonce(address,bytes,uint256)"
        args = (singleton, setup, next(self.salts))
        made = await self.chain.tx(ADMIN, self.safe_factory, signature, *args)
        [created] = made.logs_of(self.safe_factory, PROXY_CREATED)
        return "0x" + created.topics[1][-40:]

    async def ds_proxy(self, owner: Address) -> DsProxy:
        deployer = Deployer(self.chain)
        address = await deployer.deploy("DSProxy")
        await deployer.send(address, "setOwner(address)", owner)
        return DsProxy(self.chain, address, (owner,), self.actor)

    async def clone(self, owner: Address) -> Safe:
        """ERC-1167 in front of the Safe's singleton."""
        address = await clone_of(self.chain, self.singleton)
        setup = Tx(self.chain, ADMIN, address, _setup((owner,), 1), "setup")
        await setup
        return Safe(self.chain, address, (owner,), self.actor)

    async def smart_account(self, owner: Address) -> SmartAccount:
        """SimpleAccount behind its ERC1967Proxy."""
        salt = next(self.salts)
        at, factory = "(address,uint256)", self.account_factory
        address = await self.chain.call(factory, f"getAddress{at}(address)", owner, salt)
        await self.chain.tx(ADMIN, factory, f"createAccount{at}", owner, salt)
        return SmartAccount(self.chain, address, (owner,), self.actor)


async def open_wallets(chain: Chain) -> Wallets:
    """Deploys what accounts are made of."""
    deployer = Deployer(chain)
    code = await chain.anvil.rpc("eth_getCode", await deployer.deploy("DSProxy"), "latest")
    return Wallets(
        chain=chain,
        singleton=await deployer.deploy("Safe"),
        safe_factory=await deployer.deploy("SafeProxyFactory"),
        account_factory=await _deployed_as_on_mainnet(chain),
        actor=await deployer.deploy("MorphoActor"),
        account_code={"0x" + keccak(hexstr=code).hex(): "ds_proxy"},
        salts=count(),
    )


async def clone_of(chain: Chain, implementation: Address) -> Address:
    """A minimal proxy (ERC-1167)."""
    code = "363d3d373d3d3d363d73" + implementation[2:] + "5af43d82803e903d91602b57fd5bf3"
    creation = bytes.fromhex("3d602d80600a3d3981f3" + code)
    made = await Tx(chain, ADMIN, None, creation, "clone")
    assert made.contract_address is not None
    return made.contract_address


async def _deployed_as_on_mainnet(chain: Chain) -> Address:
    """SimpleAccountFactory, which deploys the implementation."""
    creation = artifact("SimpleAccountFactory").creation_code({}, (ENTRY_POINT,))
    salted = bytes(32) + creation
    await Tx(chain, ADMIN, CREATE2_DEPLOYER, salted, "deploy SimpleAccountFactory", DEPLOY_GAS)
    parts = b"\xff" + bytes.fromhex(CREATE2_DEPLOYER[2:]) + bytes(32) + keccak(creation)
    return "0x" + keccak(parts)[12:].hex()


def _setup(owners: tuple[Address, ...], threshold: int) -> bytes:
    nobody = ZERO_ADDRESS
    args = (list(owners), threshold, nobody, b"", nobody, nobody, 0, nobody)
    return abi.function(SETUP).encode(*args)
