"""Whatever a receiver answers, an alert was taken or it was not: never anything else."""

import asyncio
import json
import os
from typing import Any

import pytest
from alert_bodies import a_body, a_delivery
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.alerts.alertmanager import AlertmanagerSender
from monitor.alerts.pagerduty import PagerDutySender
from monitor.alerts.post import Answer
from monitor.alerts.target import Format, Target
from monitor.errors import DeliveryFailed
from monitor.probing import _probe

# More than what is run with every change: CASCADE_MONITOR_FUZZ_EXAMPLES=20000.
EXAMPLES = int(os.environ.get("CASCADE_MONITOR_FUZZ_EXAMPLES", "100"))
fuzzed = settings(max_examples=EXAMPLES, deadline=None)
KEY = "0123456789abcdef0123456789abcdef"
TRIPPED = a_body("breaker.tripped", block=102, starts=100)
DEEP = b"[" * 16_384
texts = st.text(max_size=12) | st.sampled_from(("success", KEY, "\x1b[31m", "x" * 5_000, ""))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
bodies = st.one_of(
    st.binary(max_size=60),
    documents.map(lambda told: json.dumps(told).encode()),
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("status", "message", "errors", "reasons"), documents)
    ).map(lambda told: json.dumps(told).encode()),
)
statuses = st.sampled_from((200, 202, 204, 301, 400, 429, 500, 599))


class Saying:
    """In place of the request: says what it was told to."""

    def __init__(self, answer: Answer) -> None:
        self.subject = "webhook pager"
        self._answer = answer

    async def ask(self, *_: Any, **__: Any) -> Answer:
        return self._answer


@pytest.mark.parametrize(
    ("kind", "format"),
    [(PagerDutySender, Format.PAGERDUTY), (AlertmanagerSender, Format.ALERTMANAGER)],
)
@given(status=statuses, body=bodies)
@example(status=202, body=DEEP)
@example(status=400, body=b'{"errors": ' + DEEP)
@example(status=400, body=b'{"message": 1' + b"0" * 5_000 + b"}")
@example(status=400, body=json.dumps({"errors": [KEY, None, {"a": KEY}]}).encode())
@fuzzed
def test_sender__any_answer__is_taken_or_refused_in_words(
    kind: Any, format: Format, status: int, body: bytes
) -> None:
    target = Target("pager", "https://h.example/k", format, routing_key=KEY, chain_id=1)
    sender = kind(target, lambda: True)
    sender._post = Saying(Answer(status, body))
    try:
        asyncio.run(sender.send(a_delivery(TRIPPED)))
    except DeliveryFailed as error:
        said = str(error).replace("\u200b", "")  # what `plain` puts between, to mention nobody
        assert said.isprintable(), ascii(said)
        assert len(said) < 1_000
        assert KEY not in said
    else:
        assert 200 <= status < 300


@given(statuses, bodies)
@example(200, DEEP)
@example(200, b'{"reasons": 5}')
@example(200, b"[]")
@fuzzed
def test_probe__any_answer__is_one_or_not_a_daemon(status: int, body: bytes) -> None:
    """`ask` makes RpcUnavailable of these two."""
    try:
        probe = _probe(status, body)
    except (ValueError, RecursionError):
        return
    assert probe.ok == (status == 200)
    assert all(isinstance(reason, str) for reason in probe.reasons)
