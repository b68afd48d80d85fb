"""Which endpoint is asked, how often, and what is said when two tell of different chains."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from builders import a_block
from daemon_process import command, daemon_process
from fake_node import FakeBlock, FakeNode
from fault_proxy import Fault, FaultProxy
from stage import Stage

from monitor.chain.agreement import RACE_BLOCKS, RACE_LOOKS, Agreement
from monitor.chain.endpoint import LONGEST_LIMIT_SECONDS, Endpoint
from monitor.chain.endpoints import Endpoints
from monitor.chain.faults import RateLimited
from monitor.chain.headers import Headers
from monitor.chain.proof import HeaderProof
from monitor.chain.rpc import Call, HttpTransport
from monitor.chain.wire import Header, read_header
from monitor.errors import RpcInconsistent

HEAD = Call("eth_getBlockByNumber", ("latest", False))
Open = Callable[..., Endpoints]


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[FakeNode, FakeNode]]:
    """Two nodes with the same ten blocks."""
    async with FakeNode() as first:
        for _ in range(10):
            first.add()
        async with FakeNode(blocks=list(first.blocks)) as second:
            yield first, second


@pytest.fixture
async def proxy(nodes: tuple[FakeNode, FakeNode]) -> AsyncIterator[FaultProxy]:
    """Before the first node."""
    async with FaultProxy(nodes[0].http_url, nodes[0].ws_url) as proxy:
        yield proxy


@pytest.fixture
async def connect() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        def connect(urls: Sequence[str], **settings: Any) -> Endpoints:
            endpoints = Endpoints(urls, 1, lambda *_: None, **{"timeout_seconds": 5.0, **settings})
            stack.push_async_callback(endpoints.close)
            return endpoints

        yield connect


def asked(node: FakeNode) -> int:
    """How often for a header, but for block 0: that is the check of a new connection."""
    return node.asked.count("eth_getBlockByNumber")


# The budget.


async def test_budget__of_one_endpoint__is_kept_and_nothing_fails(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].http_url], requests_per_second=20)
    started = time.monotonic()
    await asyncio.gather(*(endpoints.request(HEAD, read_header) for _ in range(50)))
    seconds = time.monotonic() - started
    assert len(nodes[0].asked) > 50  # and the checks of new connections
    assert seconds >= (len(nodes[0].asked) - 20) / 20 * 0.99


async def test_budget__empty__the_other_endpoint_is_asked_without_waiting(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    urls = [nodes[0].http_url, nodes[1].http_url]
    endpoints = connect(urls, requests_per_second=5)
    started = time.monotonic()
    for _ in range(6):
        await endpoints.request(HEAD, read_header)
    assert time.monotonic() - started < 1
    assert [asked(nodes[0]), asked(nodes[1])] == [4, 4]  # three each, and block 0


async def test_budget__refilled__the_preferred_endpoint_is_asked_again(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].http_url, nodes[1].http_url], requests_per_second=10)
    for _ in range(10):
        await endpoints.request(HEAD, read_header)
    await asyncio.sleep(0.5)
    before = asked(nodes[0])
    await endpoints.request(HEAD, read_header)
    assert asked(nodes[0]) == before + 1


async def test_budget__a_batch_that_exceeds_it__goes_out_in_parts_and_in_order(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].http_url], requests_per_second=4)
    calls = [Call("eth_getBlockByNumber", (hex(n), False)) for n in range(10)]
    started = time.monotonic()
    headers = await endpoints.batch(calls, read_header)
    assert time.monotonic() - started >= (12 - 4) / 4 * 0.99
    numbers = [header.block.number for header in headers if isinstance(header, Header)]
    assert numbers == list(range(10))
    assert len(nodes[0].paths) == 2 + 3  # the check's two, then 4 + 4 + 2


# Limits the node sets.


def a_limit(retry_after: str | None) -> Fault:
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return Fault("429", status=429, headers=headers, text="slow down")


async def test_rate_limit__with_a_wait__leaves_the_endpoint_alone_for_it(
    nodes: tuple[FakeNode, FakeNode], proxy: FaultProxy, connect: Open
) -> None:
    endpoints = connect([proxy.http_url, nodes[1].http_url])
    await endpoints.request(HEAD, read_header)
    proxy.inject(a_limit("2"), count=1)
    limited_at = time.monotonic()
    await endpoints.request(HEAD, read_header)
    assert proxy.hits == 1
    requests = proxy.asked.total()
    while time.monotonic() - limited_at < 1.8:
        await endpoints.request(HEAD, read_header)
        await asyncio.sleep(0.05)
    assert proxy.asked.total() == requests
    await asyncio.sleep(0.4)
    await endpoints.request(HEAD, read_header)
    assert proxy.asked.total() == requests + 1


async def test_rate_limit__of_the_only_endpoint__is_not_asked_meanwhile_and_says_so(
    proxy: FaultProxy, connect: Open
) -> None:
    endpoints = connect([proxy.http_url])
    await endpoints.request(HEAD, read_header)
    proxy.inject(a_limit("60"), count=1)
    requests = proxy.asked.total()
    with pytest.raises(RateLimited):
        await endpoints.request(HEAD, read_header)
    with pytest.raises(RateLimited, match=r"endpoint 0 .* left alone for \d+ s more"):
        await endpoints.request(HEAD, read_header)
    assert proxy.asked.total() == requests + 1


async def test_rate_limit__without_a_wait__is_asked_again_after_the_usual_pause(
    proxy: FaultProxy, connect: Open
) -> None:
    endpoints = connect([proxy.http_url])
    proxy.inject(a_limit(None), count=1)
    assert await endpoints.request(HEAD, read_header)
    assert proxy.hits == 1


async def test_rate_limit__for_a_day__is_bounded() -> None:
    endpoint = Endpoint(0, HttpTransport("endpoint 0", "http://127.0.0.1:9", 1), lambda *_: None)
    endpoint.limited(86_400)
    assert LONGEST_LIMIT_SECONDS - 1 < endpoint.limited_seconds <= LONGEST_LIMIT_SECONDS


# Latency.


async def test_latency__of_a_slow_first_endpoint__puts_it_behind_until_it_recovers(
    nodes: tuple[FakeNode, FakeNode], proxy: FaultProxy, connect: Open
) -> None:
    endpoints = connect([proxy.http_url, nodes[1].http_url])
    await endpoints.everyone([HEAD], read_header)
    proxy.inject(Fault("slow", delay_seconds=0.4))
    for _ in range(4):
        await endpoints.everyone([HEAD], read_header)
    requests, before = proxy.asked.total(), asked(nodes[1])
    await endpoints.request(HEAD, read_header)
    assert (proxy.asked.total(), asked(nodes[1])) == (requests, before + 1)
    proxy.heal()
    for _ in range(12):
        await endpoints.everyone([HEAD], read_header)
    requests, before = proxy.asked.total(), asked(nodes[1])
    await endpoints.request(HEAD, read_header)
    assert (proxy.asked.total(), asked(nodes[1])) == (requests + 1, before)


async def test_latency__a_timeout__counts_as_one(
    nodes: tuple[FakeNode, FakeNode], proxy: FaultProxy, connect: Open
) -> None:
    endpoints = connect([proxy.http_url, nodes[1].http_url], timeout_seconds=1.0)
    await endpoints.everyone([HEAD], read_header)
    proxy.inject(Fault("hang", delay_seconds=30), count=1)
    await endpoints.request(HEAD, read_header)
    slow, quick = endpoints.answer_seconds()
    assert slow is not None
    assert quick is not None
    assert slow > 0.25 > quick


async def test_latency__a_slow_question_about_logs__says_nothing_of_the_endpoint(
    proxy: FaultProxy, connect: Open
) -> None:
    endpoints = connect([proxy.http_url])
    await endpoints.request(HEAD, read_header)
    before = endpoints.answer_seconds()
    proxy.inject(Fault("slow", delay_seconds=0.3), count=1)
    await endpoints.request(Call("eth_chainId"), lambda raw: raw)
    assert proxy.hits == 1
    assert endpoints.answer_seconds() == before


# Agreement.


def agreement_of(endpoints: Endpoints) -> Agreement:
    return Agreement(Headers(endpoints, HeaderProof(endpoints)), look_seconds=0.05)


def fork(node: FakeNode, since: int) -> None:
    """Give a node blocks of its own from a height on."""
    count = len(node.blocks) - since
    del node.blocks[since:]
    for _ in range(count):
        node.add(fork="b")


@pytest.fixture
def both(nodes: tuple[FakeNode, FakeNode], connect: Open) -> Endpoints:
    return connect([node.http_url for node in nodes], timeout_seconds=0.4)


async def test_agreement__the_same_chain__is_no_disagreement(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints
) -> None:
    agreement = agreement_of(both)
    for _ in range(RACE_LOOKS + 2):
        await agreement.look(nodes[0].blocks[-1].ref)
    assert agreement.standing is None


async def test_agreement__one_that_lags__is_no_disagreement(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints
) -> None:
    agreement = agreement_of(both)
    for _ in range(RACE_LOOKS + 2):
        await agreement.look(nodes[0].add())
    assert agreement.standing is None


async def test_agreement__a_race_at_the_tip__is_no_disagreement(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints
) -> None:
    agreement = agreement_of(both)
    fork(nodes[1], since=10)
    await agreement.look(nodes[0].blocks[-1].ref)
    await agreement.look(nodes[0].add())
    nodes[0].blocks[10:] = nodes[1].blocks[10:]
    nodes[1].blocks = list(nodes[0].blocks)
    for _ in range(RACE_LOOKS + 2):
        nodes[0].add()
        nodes[1].blocks.append(nodes[0].blocks[-1])
        await agreement.look(nodes[0].blocks[-1].ref)
        assert agreement.standing is None


async def test_agreement__two_chains__is_raised_named_and_said_once(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints, caplog: pytest.LogCaptureFixture
) -> None:
    agreement = agreement_of(both)
    fork(nodes[1], since=10)
    for _ in range(RACE_BLOCKS + 3):
        await agreement.look(nodes[0].blocks[-1].ref)
        for node, side in zip(nodes, "ab", strict=True):
            node.add(fork=side)
    said = str(agreement.standing)
    assert f"block 10: endpoint 0 has {nodes[0].blocks[10].ref.hash}" in said
    assert f"endpoint 1 has {nodes[1].blocks[10].ref.hash}" in said
    assert [r.levelname for r in caplog.records if "disagree" in r.message] == ["ERROR"]


async def test_agreement__two_chains_that_stand_still__is_raised_after_some_looks(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints
) -> None:
    agreement = agreement_of(both)
    fork(nodes[1], since=8)
    newest = nodes[0].blocks[-1].ref
    for _ in range(RACE_LOOKS):
        await agreement.look(newest)
        assert agreement.standing is None
    await agreement.look(newest)
    assert agreement.standing is not None


async def test_agreement__over__is_taken_back(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints
) -> None:
    agreement = agreement_of(both)
    original = list(nodes[1].blocks)
    fork(nodes[1], since=8)
    for _ in range(RACE_LOOKS + 1):
        await agreement.look(nodes[0].blocks[-1].ref)
    assert agreement.standing is not None
    nodes[1].blocks = original
    await agreement.look(nodes[0].blocks[-1].ref)
    assert agreement.standing is None


async def test_agreement__one_that_differed_falls_silent__stands_for_some_looks(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints
) -> None:
    agreement = agreement_of(both)
    fork(nodes[1], since=8)
    newest = nodes[0].blocks[-1].ref
    for _ in range(RACE_LOOKS + 1):
        await agreement.look(newest)
    nodes[1].fault = "500"
    for _ in range(RACE_LOOKS):
        await agreement.look(newest)
        assert agreement.standing is not None
    await agreement.look(newest)
    assert agreement.standing is None


@pytest.mark.parametrize("fault", ["500", "hang", "garbage"])
async def test_agreement__one_endpoint_away__stops_nothing(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints, fault: str
) -> None:
    agreement = agreement_of(both)
    nodes[1].fault = fault
    for _ in range(3):
        await agreement.look(nodes[0].add())
    await agreement.demand(5)
    assert agreement.standing is None


async def test_agreement__about_a_settled_block__is_demanded(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints
) -> None:
    agreement = agreement_of(both)
    await agreement.demand(9)
    fork(nodes[1], since=8)
    await agreement.demand(7)
    with pytest.raises(RpcInconsistent, match="disagree about block 9"):
        await agreement.demand(9)


async def test_agreement__an_answer_about_another_height__is_no_hash(
    nodes: tuple[FakeNode, FakeNode], both: Endpoints
) -> None:
    nodes[1].headers[9] = FakeBlock(a_block(number=8, fork="b")).header()
    await agreement_of(both).demand(9)


# The same, seen from outside.


async def test_daemon__two_endpoints_of_different_chains__says_so_until_one_is_gone(
    stage: Stage,
) -> None:
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(stage.world.fork())
        config, port = stage.config(endpoints=(stage.world.anvil.http_url, other.anvil.http_url))
        daemon = await stack.enter_async_context(daemon_process(config, port))
        await daemon.reached(await stage.head())
        _, quiet = await daemon.get("/metrics")
        await other.mine(1, timestamp=(await other.head()).timestamp + 77)
        await other.mine(20)
        await stage.world.mine(21)
        await daemon.reached(await stage.head())
        code, said = await daemon.says("/readyz", "disagree")
        await daemon.says("/metrics", "cascade_monitor_endpoints_disagree 1.0")
        _, status = await daemon.get("/api/v1/status")
        checked = await command("check", "--config", str(config))
        number = int(said.partition("about block ")[2].partition(":")[0])
        ours, theirs = [(await world.block_at(number)).hash for world in (stage.world, other)]
        await other.anvil.__aexit__(None, None, None)
        await daemon.says("/metrics", "cascade_monitor_endpoints_disagree 0.0")
        await daemon.says("/readyz", '"ok": true')
        log = daemon.log.read_text()
    assert "cascade_monitor_endpoints_disagree 0.0" in quiet
    assert 'endpoint_answer_seconds{endpoint="1"}' in quiet
    assert code == 503
    assert ours != theirs
    assert f"endpoint 0 has {ours}" in said
    assert f"endpoint 1 has {theirs}" in said
    assert any("the endpoints disagree about block" in reason for reason in status["reasons"])
    assert log.count("the endpoints disagree about block") == 1
    assert checked.code != 0
    assert "disagree about block" in checked.out + checked.err


async def test_daemon__with_a_budget__starts_follows_and_keeps_it(stage: Stage) -> None:
    config, port = stage.config()
    rate = 25
    text = config.read_text()
    config.write_text(text.replace("poll_seconds", f"requests_per_second = {rate}\npoll_seconds"))
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head(), seconds=60)
        started, (_, before) = time.monotonic(), await daemon.get("/metrics")
        for _ in range(4):
            await stage.world.mine(10)
            await daemon.reached(await stage.head(), seconds=60)
        _, after = await daemon.get("/metrics")
        seconds = time.monotonic() - started
    made = [requests_of(after, number) - requests_of(before, number) for number in (0, 1)]
    assert sum(made) > 2 * rate
    assert max(made) <= (seconds + 1) * rate


def requests_of(metrics: str, number: int) -> float:
    """Requests made to an endpoint so far."""
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        if line.startswith(f'cascade_monitor_rpc_requests_total{{endpoint="{number}"')
    )
