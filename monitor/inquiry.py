"""What `init` finds out at a node: its chain, and what of a configuration is there."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from monitor.chain.greeting import chain_ids
from monitor.chain.node import Node
from monitor.core.blocks import BlockRef
from monitor.draft import ENDPOINTS, Part, text_of
from monitor.errors import ConfigError, MonitorError, TransientError
from monitor.parts import parts_of
from monitor.rim import node_of
from monitor.settings import Settings, load

NO_CONTRACT = "there is no contract at"


async def chain_of(urls: Sequence[str], warn: Callable[[str], None]) -> int:
    """The chain that all endpoints serve which answer; the others are warned of.

    Raises the first failure where none answers, and ConfigError where they differ.
    """
    answers = await chain_ids(urls)
    failures = [answer for answer in answers if isinstance(answer, MonitorError)]
    found = {answer for answer in answers if isinstance(answer, int)}
    if not found:
        raise failures[0]
    if len(found) > 1:
        told = ", ".join(map(str, sorted(found)))
        raise ConfigError(f"the endpoints serve several chains: {told}: expected one")
    for failure in failures:
        warn(f"{failure}: it is written down all the same")
    return found.pop()


async def absences(
    parts: Sequence[Part], urls: Sequence[str], tell: Callable[[int, int], None]
) -> dict[int, str]:
    """By the place of a part: why it cannot be watched over these endpoints.

    Raises TransientError where none of them can be asked.
    """
    settings = loaded(text_of(parts, {}), urls)
    node = node_of(settings)
    try:
        head = await node.block_by("latest")
        found = await _without_code(parts, node, head)
        tell(1, 2)
        found |= await _not_followed(parts, found, settings, node, head)
        tell(2, 2)
    finally:
        await node.close()
    return found


def loaded(text: str, urls: Sequence[str]) -> Settings:
    """The text as a configuration. Raises ConfigError with every fault."""
    with TemporaryDirectory() as folder:
        secrets = Path(folder, ENDPOINTS)
        secrets.parent.mkdir(mode=0o700)
        secrets.touch(mode=0o600)
        secrets.write_text("\n".join(urls))
        config = Path(folder, "monitor.toml")
        config.write_text(text)
        return load(config, {})


async def _without_code(parts: Sequence[Part], node: Node, head: BlockRef) -> dict[int, str]:
    wanted = sorted({contract for part in parts for contract in part.contracts})
    codes = await node.reader.codes(head, wanted)
    there = {contract for contract, code in zip(wanted, codes, strict=True) if code.hash}
    found = {}
    for at, part in enumerate(parts):
        missing = [contract for contract in part.contracts if contract not in there]
        if missing:
            found[at] = f"{NO_CONTRACT} {', '.join(missing)}"
    return found


async def _not_followed(
    parts: Sequence[Part],
    gone: Mapping[int, str],
    settings: Settings,
    node: Node,
    head: BlockRef,
) -> dict[int, str]:
    """Markets that this version refuses, in its own words. A daemon would not start with one."""
    places = [at for at, part in enumerate(parts) if part.section == "markets"]
    found = {}
    for at, market in zip(places, parts_of(settings).markets, strict=True):
        if at in gone:
            continue
        try:
            await market.survey(node.reader, head)
        except TransientError:
            raise
        except MonitorError as refusal:
            found[at] = str(refusal).rstrip(".")
    return found
