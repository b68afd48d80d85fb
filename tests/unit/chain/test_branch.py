import pytest
from builders import a_block

from monitor.chain.branch import Branch
from monitor.core.blocks import BlockAdded, BlockFinalized, BlockRef, BlocksReverted
from monitor.errors import InvariantBroken


def a_line(length: int) -> list[BlockRef]:
    line = [a_block()]
    while len(line) < length:
        line.append(a_block(line[-1]))
    return line


def test_branch__a_block_added__is_the_newest() -> None:
    line = a_line(3)
    branch = Branch(line[:2])
    branch.apply(BlockAdded(line[2], ()))
    assert branch.newest == line[2]
    assert [branch.at(block.number) for block in line] == line


def test_branch__a_block_that_does_not_follow__is_refused() -> None:
    line = a_line(3)
    with pytest.raises(InvariantBroken):
        Branch(line[:1]).apply(BlockAdded(line[2], ()))


def test_branch__an_unlinked_tail__is_refused() -> None:
    with pytest.raises(InvariantBroken):
        Branch([a_block(), a_block(number=102)])


def test_branch__reverted_to_an_ancestor__names_the_rest_newest_first() -> None:
    line = a_line(4)
    assert Branch(line).revert_to(line[1]) == BlocksReverted((line[3], line[2]), line[1])


def test_branch__reverted__ends_with_the_ancestor() -> None:
    line = a_line(4)
    branch = Branch(line)
    branch.apply(branch.revert_to(line[1]))
    assert branch.newest == line[1]
    assert branch.at(line[2].number) is None


def test_branch__finalised__keeps_the_final_block() -> None:
    line = a_line(4)
    branch = Branch(line)
    branch.apply(BlockFinalized(line[2].number))
    assert list(branch.newest_first()) == [line[3], line[2]]


def test_branch__finalised_below_its_oldest__keeps_everything() -> None:
    line = a_line(2)
    branch = Branch(line)
    branch.apply(BlockFinalized(line[0].number - 10))
    assert branch.oldest == line[0]
