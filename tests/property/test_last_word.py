"""Whatever blocks and receivers do: the last word a receiver hears of an alert is the right one.

Of the store in memory; `test_store_equality` shows that the one in Redis does the same.
"""

import asyncio
from dataclasses import dataclass, field
from random import Random

from builders import a_block, a_delta, a_judgement, an_alert
from fakes import MemoryStore
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from monitor.core.alerts import Alert, AlertType, Delivery
from monitor.core.blocks import BlockRef

BASE = a_block()
HIGHEST = BASE.number + 2


def a_retraction(block: BlockRef) -> Alert:
    return an_alert(block, type=AlertType.RETRACTED)


@dataclass
class Play:
    """One receiver, served as the outbox does: one attempt at a time, which takes its time."""

    random: Random
    now_unix: float = 0.0
    blocks: list[BlockRef] = field(default_factory=lambda: [BASE])
    stands: dict[BlockRef, bool] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    under_way: Delivery | None = None
    is_taken: bool = False

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: self.now_unix)

    async def commit(self) -> None:
        if self.blocks[-1].number < HIGHEST:
            block = a_block(self.blocks[-1], fork=self.random.choice(("", "", "", "b")))
            await self.store.commit(a_delta(block))
            self.blocks.append(block)

    async def judge(self) -> None:
        block = self.blocks[-1]
        if (await self.store.load()).evaluated != block:
            alert = an_alert(block)
            await self.store.judge(a_judgement(block, alert), {alert.id: ["ops"]})
            self.stands[block] = True

    async def revert(self) -> None:
        if len(self.blocks) > 1:
            block = self.blocks.pop()
            undo = await self.store.undo_record(block.hash)
            alerts = undo.judgement.alerts if undo.judgement else ()
            await self.store.revert(undo, {a.id: (a_retraction(block), ["ops"]) for a in alerts})
            self.stands |= {alert.block: False for alert in alerts}

    async def send(self) -> None:
        """An attempt begins. That it fails does not mean that nothing was heard."""
        if self.under_way is None:
            delivery = await self.store.due("ops", self.now_unix)
            if delivery is not None and await self.store.begin_attempt(delivery):
                self.under_way = delivery
                self.is_taken = self.random.random() < 0.7
                if self.is_taken or self.random.random() < 0.5:
                    self.heard.append(delivery.alert_id)

    async def end(self) -> None:
        if self.under_way is not None:
            if self.is_taken:
                await self.store.delivered(self.under_way)
            else:
                await self.store.postpone(self.under_way, self.now_unix + self.random.random())
            self.under_way = None

    async def run(self, count: int) -> None:
        await self.store.begin(BASE, {})
        deeds = [self.commit, self.judge, self.revert, self.send, self.send, self.end]
        for _ in range(count):
            self.now_unix += self.random.random()
            await self.random.choice(deeds)()
        while await self.store.pending():
            self.now_unix += 1
            await self.send()
            await self.end()


@settings(max_examples=400, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(random=st.randoms(use_true_random=False), count=st.integers(20, 80))
def test_receiver__blocks_come_go_and_come_back__hears_the_right_word_last(
    random: Random, count: int
) -> None:
    play = Play(random)
    asyncio.run(play.run(count))
    for block, stands in play.stands.items():
        raised, retracted = an_alert(block).id, a_retraction(block).id
        words = [word for word in play.heard if word in (raised, retracted)]
        assert words[-1:] == [raised] if stands else words[-1:] in ([], [retracted])
