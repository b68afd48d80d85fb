"""Endpoints over real sockets, against a node that misbehaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from builders import a_block
from fake_node import FakeBlock, FakeNode

from monitor.chain.endpoints import Endpoints
from monitor.chain.faults import RevertError, RpcRefused, RpcTimeout
from monitor.chain.rpc import MAX_ANSWER_BYTES, Call
from monitor.chain.wire import read_bytes, read_header, read_quantity
from monitor.errors import (
    BlockUnknown,
    ConfigError,
    RpcInconsistent,
    RpcUnavailable,
    StateUnavailable,
)

Open = Callable[[Sequence[str]], Endpoints]
CHAIN_ID = Call("eth_chainId")
HEAD = Call("eth_getBlockByNumber", ("latest", False))
VIEW = Call("eth_call", ({"to": "0x" + "11" * 20}, "latest"))


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[FakeNode, FakeNode]]:
    async with FakeNode() as first, FakeNode() as second:
        yield first, second


@pytest.fixture
def observed() -> list[tuple[int, str, str]]:
    return []


@pytest.fixture
async def connect(observed: list[tuple[int, str, str]]) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        def connect(urls: Sequence[str]) -> Endpoints:
            endpoints = Endpoints(urls, 1, lambda *seen: observed.append(seen), timeout_seconds=0.4)
            stack.push_async_callback(endpoints.close)
            return endpoints

        yield connect


async def fails(asking: Awaitable[object], kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        await asking
    assert "secret-key" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


HTTP_FAULTS = ["hang", "429", "500", "garbage", "wrong_id", "302", "truncated", "nothing"]


@pytest.mark.parametrize("fault", HTTP_FAULTS)
async def test_request__a_fault_that_passes__is_answered(
    nodes: tuple[FakeNode, FakeNode], connect: Open, fault: str
) -> None:
    nodes[0].fault, nodes[0].faults_left = fault, 1
    assert await connect([nodes[0].http_url]).request(CHAIN_ID, read_quantity) == 1


@pytest.mark.parametrize("fault", HTTP_FAULTS)
async def test_request__a_fault_that_stays__is_a_transient_error_without_the_url(
    nodes: tuple[FakeNode, FakeNode], connect: Open, fault: str
) -> None:
    nodes[0].fault = fault
    expected = RpcInconsistent if fault == "wrong_id" else RpcUnavailable
    said = await fails(connect([nodes[0].http_url]).request(CHAIN_ID, read_quantity), expected)
    assert "endpoint 0" in said


async def test_request__a_faulty_first_endpoint__is_answered_by_the_second(
    nodes: tuple[FakeNode, FakeNode], connect: Open, observed: list[tuple[int, str, str]]
) -> None:
    nodes[0].fault = "hang"
    endpoints = connect([nodes[0].http_url, nodes[1].http_url])
    assert await endpoints.request(HEAD, read_header)
    assert observed == [
        (0, "eth_chainId", "timeout"),
        (1, "eth_chainId", "ok"),
        (1, "eth_getBlockByNumber", "ok"),
        (1, "eth_getBlockByNumber", "ok"),
    ]


async def test_request__after_a_failure__leaves_the_endpoint_in_peace(
    nodes: tuple[FakeNode, FakeNode], connect: Open, observed: list[tuple[int, str, str]]
) -> None:
    nodes[0].fault = "hang"
    endpoints = connect([nodes[0].http_url, nodes[1].http_url])
    await endpoints.request(HEAD, read_header)
    observed.clear()
    await endpoints.request(HEAD, read_header)
    assert observed == [(1, "eth_getBlockByNumber", "ok")]


async def test_request__to_a_recovered_endpoint__prefers_it_again(
    nodes: tuple[FakeNode, FakeNode], connect: Open, observed: list[tuple[int, str, str]]
) -> None:
    nodes[0].fault, nodes[0].faults_left = "500", 1
    endpoints = connect([nodes[0].http_url, nodes[1].http_url])
    await endpoints.request(HEAD, read_header)
    await asyncio.sleep(0.5)
    observed.clear()
    await endpoints.request(HEAD, read_header)
    assert observed[-1] == (0, "eth_getBlockByNumber", "ok")


async def test_request__an_endpoint_of_another_chain__is_not_used(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].chain_id = 5
    endpoints = connect([nodes[0].http_url, nodes[1].http_url])
    await endpoints.request(HEAD, read_header)
    assert nodes[0].asked == ["eth_chainId"]


async def test_request__only_another_chain__says_which(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].chain_id = 5
    said = await fails(connect([nodes[0].http_url]).request(HEAD, read_header), RpcInconsistent)
    assert "serves chain 5, expected 1" in said


async def test_request__an_endpoint_with_another_genesis__is_not_believed(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[1].blocks = [FakeBlock(a_block(number=0, fork="other"))]
    endpoints = connect([nodes[0].http_url, nodes[1].http_url])
    await endpoints.request(HEAD, read_header)
    answers = await endpoints.everyone([HEAD], read_header)
    assert isinstance(answers[1], RpcInconsistent)


async def test_genesis_hash__of_a_node__is_that_of_block_zero(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    assert await connect([nodes[0].http_url]).genesis_hash() == nodes[0].blocks[0].ref.hash


async def test_request__a_revert__is_final(nodes: tuple[FakeNode, FakeNode], connect: Open) -> None:
    nodes[0].errors["eth_call"] = {"code": 3, "message": "execution reverted", "data": "0x1234"}
    endpoints = connect([nodes[0].http_url, nodes[1].http_url])
    with pytest.raises(RevertError) as caught:
        await endpoints.request(VIEW, read_bytes)
    assert caught.value.data == b"\x12\x34"
    assert nodes[0].asked.count("eth_call") == 1
    assert not nodes[1].asked


async def test_request__a_rate_limit_in_json__is_tried_again(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].errors["eth_call"] = {"code": -32005, "message": "daily request rate exceeded"}
    await fails(connect([nodes[0].http_url]).request(VIEW, read_bytes), RpcUnavailable)
    assert nodes[0].asked.count("eth_call") == 3


async def test_request__an_unknown_error__is_asked_of_each_endpoint_once(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].http_url, nodes[1].http_url])
    await fails(endpoints.request(Call("eth_nonsense"), read_bytes), RpcRefused)
    assert [node.asked.count("eth_nonsense") for node in nodes] == [1, 1]


async def test_request__pruned_state_on_one_endpoint__is_read_from_the_archive(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].errors["eth_call"] = {"code": -32000, "message": "missing trie node 12ab"}
    nodes[1].results["eth_call"] = "0x01"
    endpoints = connect([nodes[0].http_url, nodes[1].http_url])
    assert await endpoints.request(VIEW, read_bytes) == b"\x01"


async def test_request__pruned_state_everywhere__is_unavailable_at_once(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].errors["eth_call"] = {"code": -32000, "message": "missing trie node 12ab"}
    await fails(connect([nodes[0].http_url]).request(VIEW, read_bytes), StateUnavailable)
    assert nodes[0].asked.count("eth_call") == 1


async def test_request__a_block_the_node_does_not_have__is_asked_for_again(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].errors["eth_call"] = {"code": -32000, "message": "header not found"}
    await fails(connect([nodes[0].http_url]).request(VIEW, read_bytes), BlockUnknown)
    assert nodes[0].asked.count("eth_call") == 3


async def test_request__an_error_that_quotes_the_url__hides_it(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    message = f"no route for {nodes[0].http_url} today"
    nodes[0].errors["eth_call"] = {"code": -32099, "message": message}
    await fails(connect([nodes[0].http_url]).request(VIEW, read_bytes), RpcRefused)


@pytest.mark.parametrize("result", [None, 7, {"number": "0x1"}, "0xzz", []])
async def test_request__a_result_of_another_shape__is_not_believed(
    nodes: tuple[FakeNode, FakeNode], connect: Open, result: object
) -> None:
    nodes[0].results["eth_call"] = result
    await fails(connect([nodes[0].http_url]).request(VIEW, read_bytes), RpcUnavailable)


async def test_request__nobody_listening__is_unavailable(connect: Open) -> None:
    said = await fails(
        connect(["http://127.0.0.1:9/secret-key"]).request(VIEW, read_bytes), RpcUnavailable
    )
    assert "127.0.0.1" not in said


async def test_batch__with_a_revert__fails_that_call_only(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].errors["eth_call"] = {"code": 3, "message": "execution reverted"}
    nodes[0].results["eth_getCode"] = "0x60"
    calls = [Call("eth_getCode"), VIEW, Call("eth_getCode")]
    answers = await connect([nodes[0].http_url]).batch(calls, read_bytes)
    assert [type(answer) for answer in answers] == [bytes, RevertError, bytes]


async def test_endpoints__a_url_of_no_known_scheme__is_a_configuration_fault() -> None:
    with pytest.raises(ConfigError, match="endpoint 0"):
        Endpoints(["ipc://node"], 1, lambda *_: None)


async def test_socket__many_requests_at_once__each_get_their_own_answer(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].ws_url])
    for _ in range(50):
        nodes[0].add()
    calls = [Call("eth_getBlockByNumber", (hex(n), False)) for n in range(51)]
    headers = await asyncio.gather(*(endpoints.request(call, read_header) for call in calls))
    assert [header.block.number for header in headers if header] == list(range(51))


async def test_socket__that_was_dropped__is_opened_anew_and_checked(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].ws_url])
    await endpoints.request(HEAD, read_header)
    await nodes[0].drop_sockets()
    await asyncio.sleep(0.05)
    nodes[0].chain_id = 5
    await fails(endpoints.request(HEAD, read_header), RpcInconsistent)


@pytest.mark.parametrize("fault", ["garbage", "silence", "wrong_id", "302"])
async def test_socket__a_fault_that_passes__is_answered_on_the_next_attempt(
    nodes: tuple[FakeNode, FakeNode], connect: Open, fault: str
) -> None:
    nodes[0].fault, nodes[0].faults_left = fault, 1
    assert await connect([nodes[0].ws_url]).request(CHAIN_ID, read_quantity) == 1


async def test_socket__a_redirect__is_not_followed(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].fault = "302"
    await fails(connect([nodes[0].ws_url]).request(CHAIN_ID, read_quantity), RpcUnavailable)
    assert set(nodes[0].paths) == {"/secret-key"}


async def test_request__a_redirect__is_not_followed(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    nodes[0].fault = "302"
    await fails(connect([nodes[0].http_url]).request(CHAIN_ID, read_quantity), RpcUnavailable)
    assert set(nodes[0].paths) == {"/secret-key"}


async def test_socket__a_garbage_frame_while_idle__costs_the_connection_only(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].ws_url])
    await endpoints.request(HEAD, read_header)
    await nodes[0].say("}{ not json")
    await asyncio.sleep(0.05)
    assert await endpoints.request(HEAD, read_header)


async def test_socket__an_answer_nobody_asked_for__is_ignored(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].ws_url])
    await endpoints.request(HEAD, read_header)
    asked = len(nodes[0].asked)
    await nodes[0].say('{"jsonrpc":"2.0","id":999,"result":"0x1"}')
    await endpoints.request(HEAD, read_header)
    assert len(nodes[0].asked) == asked + 1


async def test_socket__a_silent_node__times_out_and_loses_the_connection(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].ws_url])
    await endpoints.request(HEAD, read_header)
    nodes[0].fault = "silence"
    await fails(endpoints.request(HEAD, read_header, rounds=1), RpcTimeout)
    nodes[0].fault = None
    assert await endpoints.request(HEAD, read_header)
    assert len(nodes[0].paths) == 2


async def test_socket__a_large_answer__arrives(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    size = 6 * 2**20
    assert size < MAX_ANSWER_BYTES
    nodes[0].results["eth_call"] = "0x" + "ab" * size
    answer = await connect([nodes[0].ws_url]).request(VIEW, read_bytes)
    assert len(answer) == size


async def test_next_head__of_a_node_that_pushes__is_the_newest_announced(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].ws_url])
    waiting = asyncio.create_task(endpoints.next_head(read_header))
    await nodes[0].subscribed.wait()
    nodes[0].add()
    await nodes[0].announce()
    header = await waiting
    assert header is not None
    assert header.block == nodes[0].blocks[-1].ref


async def test_next_head__on_a_dropped_connection__says_so(
    nodes: tuple[FakeNode, FakeNode], connect: Open
) -> None:
    endpoints = connect([nodes[0].ws_url])
    waiting = asyncio.create_task(endpoints.next_head(read_header))
    await nodes[0].subscribed.wait()
    await nodes[0].drop_sockets()
    await fails(waiting, RpcUnavailable)
