"""What `init` is told: which URLs may hold a key, which chains there are."""

import io

import pytest

from monitor.errors import QuestionError
from monitor.init_command import _chain_id, _is_telling, _urls


@pytest.mark.parametrize(
    ("url", "may_hold_a_key"),
    [
        ("http://127.0.0.1:8545", False),
        ("ws://localhost:8546/", False),
        ("http://10.0.0.7:8545", False),
        ("http://10.0.0.7:8545/v3/0123456789abcdef", True),
        ("http://me:word@127.0.0.1:8545", True),
        ("http://127.0.0.1:8545?key=1", True),
        ("https://mainnet.example", True),
        ("wss://key.quick.example", True),
    ],
)
def test_url__of_a_node__may_hold_a_key_unless_it_is_plainly_ones_own(
    url: str, may_hold_a_key: bool
) -> None:
    assert _is_telling(url) is may_hold_a_key


def test_urls__from_stdin__are_one_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a key is in no shell's history."""
    monkeypatch.setattr("sys.stdin", io.StringIO("https://a.example/key\n\nwss://b.example\n"))
    assert _urls(["-"]) == ["https://a.example/key", "wss://b.example"]


def test_urls__of_an_empty_stdin__are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(QuestionError, match="nothing was read"):
        _urls(["-"])


def test_urls__of_which_one_is_none__are_refused_without_showing_it() -> None:
    with pytest.raises(QuestionError, match="endpoint 1: expected a URL with http://") as refused:
        _urls(["https://a.example", "secret"])
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("chain", "number"), [("ethereum", 1), ("devnet", 31_337), ("137", 137)])
def test_chain__by_name_or_number__is_its_number(chain: str, number: int) -> None:
    assert _chain_id(chain) == number


@pytest.mark.parametrize("chain", ["mainet", "0", "-1", "1e3", ""])
def test_chain__that_is_none__names_those_there_are(chain: str) -> None:
    with pytest.raises(QuestionError, match="expected ethereum, devnet or a chain's number"):
        _chain_id(chain)
