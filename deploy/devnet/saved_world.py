"""Worlds are built once and saved in the cache; opening a saved one takes a split second."""

import asyncio
import fcntl
import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from devnet.addresses import Addresses, WideAddresses
from devnet.anvil import Anvil
from devnet.cache import CACHE, FOLDER, compiled_files, digest, packages_folder
from devnet.chain import Chain
from devnet.deployment import deploy_world
from devnet.pair_population import make_pair_borrowers
from devnet.population import make_borrowers
from devnet.terms import WorldTerms
from devnet.wide_deployment import deploy_wide_world
from devnet.wide_terms import WideTerms
from devnet.wide_world import WideWorld
from devnet.world import World

# A fixed birthday: a world built twice has the same addresses and the same block hashes.
GENESIS_TIMESTAMP = 1_767_225_600


@asynccontextmanager
async def open_world(
    terms: WorldTerms | None = None, *, port: int = 0, chain_id: int = 31337, epoch_slots: int = 32
) -> AsyncIterator[World]:
    """The world of these terms on a node of its own, built now if it was never built before.

    The state of blocks up to the saved head cannot be read (their hashes and logs can). One fresh
    block is mined on top, and everything from there on is readable.
    """
    terms = terms or WorldTerms()
    state, addresses = await saved(terms)
    async with Anvil(
        chain_id=chain_id,
        port=port,
        load_state=state,
        slots_in_an_epoch=epoch_slots,
        # The state file does not set the node's clock, which would start at the wall's.
        genesis_timestamp=GENESIS_TIMESTAMP,
    ) as anvil:
        world = _world(anvil, addresses, terms)
        await world.mine()
        yield world


@asynccontextmanager
async def new_world(
    terms: WorldTerms | None = None,
    *,
    genesis_timestamp: int = GENESIS_TIMESTAMP,
    port: int = 0,
    chain_id: int = 31337,
    epoch_slots: int = 32,
    states_in_memory: int | None = None,
) -> AsyncIterator[World]:
    """Built from nothing, past the cache: slower, but the state of every block can be read.

    `states_in_memory`: as of Anvil; for runs of more than a thousand blocks that turn back.
    """
    async with Anvil(
        chain_id=chain_id,
        port=port,
        slots_in_an_epoch=epoch_slots,
        genesis_timestamp=genesis_timestamp,
        states_in_memory=states_in_memory,
    ) as anvil:
        yield await _populated(anvil, terms or WorldTerms())


@asynccontextmanager
async def open_wide_world(
    terms: WideTerms | None = None, *, port: int = 0, chain_id: int = 31337, epoch_slots: int = 32
) -> AsyncIterator[WideWorld]:
    """As `open_world`, with everything that the wide world has."""
    opened = open_world(terms or WideTerms(), port=port, chain_id=chain_id, epoch_slots=epoch_slots)
    async with opened as world:
        assert isinstance(world, WideWorld)
        yield world


@asynccontextmanager
async def new_wide_world(
    terms: WideTerms | None = None,
    *,
    genesis_timestamp: int = GENESIS_TIMESTAMP,
    epoch_slots: int = 32,
    states_in_memory: int | None = None,
) -> AsyncIterator[WideWorld]:
    """As `new_world`, with everything that the wide world has."""
    made = new_world(
        terms or WideTerms(),
        genesis_timestamp=genesis_timestamp,
        epoch_slots=epoch_slots,
        states_in_memory=states_in_memory,
    )
    async with made as world:
        assert isinstance(world, WideWorld)
        yield world


async def saved(terms: WorldTerms) -> tuple[Path, Addresses]:
    """The state file for `Anvil(load_state=…)` and what is where in it."""
    folder = CACHE / "worlds"
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / f"{_key(terms)}.json"
    book = state.with_suffix(".addresses")
    # Parallel test workers all come here first; one builds, the others wait for it.
    async with _lock(state.with_suffix(".lock")):
        if not book.exists():
            await _build(terms, state, book)
    raw = json.loads(book.read_text())
    return state, WideAddresses.loaded(raw) if isinstance(terms, WideTerms) else Addresses(**raw)


async def _build(terms: WorldTerms, state: Path, book: Path) -> None:
    async with Anvil(genesis_timestamp=GENESIS_TIMESTAMP) as anvil:
        world = await _populated(anvil, terms)
        dump: str = await anvil.rpc("anvil_dumpState")
    _write(state, gzip.decompress(bytes.fromhex(dump[2:])), book, world.addresses)


async def _populated(anvil: Anvil, terms: WorldTerms) -> World:
    world = _world(anvil, await _deployed(Chain(anvil), terms), terms)
    if terms.borrowers:
        await make_borrowers(world, terms.borrowers, terms.seed)
        if isinstance(world, WideWorld):
            await make_borrowers(world.aave_3_0, terms.borrowers, terms.seed + 1)
            await make_pair_borrowers(world, terms.borrowers, terms.seed)
    return world


async def _deployed(chain: Chain, terms: WorldTerms) -> Addresses:
    if isinstance(terms, WideTerms):
        return await deploy_wide_world(chain, terms)
    return await deploy_world(chain, terms)


def _world(anvil: Anvil, addresses: Addresses, terms: WorldTerms) -> World:
    if isinstance(terms, WideTerms) and isinstance(addresses, WideAddresses):
        return WideWorld(anvil, addresses, terms)
    return World(anvil, addresses, terms)


def _key(terms: WorldTerms) -> str:
    sources = digest(*FOLDER.glob("*.py"))
    code = " ".join(path.name for path in compiled_files().values())
    text = f"{packages_folder().name} {code} {sources} {terms}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write(state: Path, world_state: bytes, book: Path, addresses: Addresses) -> None:
    state.write_bytes(world_state)
    # Last, since it is what marks the world as complete.
    book.write_text(json.dumps(asdict(addresses)))


@asynccontextmanager
async def _lock(path: Path) -> AsyncIterator[None]:
    with path.open("w") as file:
        # In a thread: the holder may be another task of this very process.
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield  # closing the file releases it
