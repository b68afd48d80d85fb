"""What a recording keeps of a configuration, and what is said of one that was made by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import ConfigError, QuestionError
from monitor.incidents.kept import KEPT, digest_of, kept_of, settings_of
from monitor.incidents.recording import Answers, Header, read, write
from monitor.incidents.sessions import from_recording
from monitor.schema import SECRETS
from monitor.settings import load

SHIPPED = Path(__file__).resolve().parents[3] / "deploy/incidents/recordings/flash-crash.json.gz"
WHOLE = """
[chain]
chain_id = 7
endpoints = ["https://node.example/v3/0123456789abcdef"]
[store]
url = "redis://user:hunter22@redis.example"
namespace = "mine"
[[markets]]
name = "aave-core"
protocol = "aave_v3"
address = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
[scenarios.b]
shocks = { "peg:stETH/WETH" = -0.02, WETH = -0.1 }
options = { max_rounds = 1_000 }
[scenarios.a]
curve = { asset = "WETH", to = -0.5, steps = 10 }
[[breakers]]
name = "b"
scenario = "b"
measure = "share_of_market"
warn = 0.0025
trip = 0.005
clear = 0.002
[[watch]]
accounts = ["0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"]
health_below = 1.15
[[webhooks]]
url = "https://receiver.example/hook/secret-key-of-mine"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""


def test_configuration__that_is_kept__comes_back_in_its_order_without_a_secret(
    tmp_path: Path,
) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text(WHOLE)
    settings = load(path, {})
    kept = kept_of(settings)
    again = settings_of(kept, tmp_path)
    assert kept_of(again) == kept
    assert list(again.scenarios) == ["b", "a"]
    assert again.breakers == settings.breakers
    assert again.options_of("b") == settings.options_of("b")
    assert (again.chain.chain_id, again.store.namespace) == (7, "mine")
    assert again.webhooks == ()
    text = str(kept)
    for secret in ("example", "hunter22", "whsec", "0123456789abcdef"):
        assert secret not in text


def test_sections__that_are_kept__hold_no_secret() -> None:
    assert set(KEPT).isdisjoint(section for section, _ in SECRETS)


def test_digest__of_another_configuration__is_another(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text(WHOLE)
    one = digest_of(kept_of(load(path, {})))
    path.write_text(WHOLE.replace("trip = 0.005", "trip = 0.006"))
    assert digest_of(kept_of(load(path, {}))) != one


def changed(path: Path, header: Header, answers: Answers) -> Path:
    with path.open("wb") as file:
        write(file, header, answers)
    return path


@pytest.mark.parametrize(
    "spoil",
    [
        {"blocks": {"283": "nonsense"}},
        {"blocks": {"283": [1, 2]}},
        {"logs": {"284": ["x", []]}},
        {"views": {"0x": [[0, 9_999, 5]]}},
        {"sets": [[7]]},
        {"configuration": {"chain": {"chain_id": 31337}, "store": {}}},
    ],
    ids=lambda spoil: next(iter(spoil)),
)
async def test_recording__made_by_hand__is_refused_in_words(
    tmp_path: Path, spoil: dict[str, Any]
) -> None:
    whole = read(SHIPPED)
    path = changed(tmp_path / "r.gz", whole.header, replace(whole.answers, **spoil))
    with pytest.raises((QuestionError, ConfigError), match="record"):
        await from_recording(path, None, None, lambda done, of: None)


async def test_recording__whose_answers_are_of_another_form__is_refused_in_words(
    tmp_path: Path,
) -> None:
    whole = read(SHIPPED)
    answers: tuple[Any, ...] = (5, ["text"], {"bytes": "xyz"}, [{}])
    for answer in answers:
        views = {key: [[0, 9_999, answer]] for key in whole.answers.views}
        path = changed(tmp_path / "r.gz", whole.header, replace(whole.answers, views=views))
        with pytest.raises(QuestionError, match=r"does not hold together|has no answer to"):
            await from_recording(path, None, None, lambda done, of: None)


async def test_recording__of_another_chain__is_not_played_by_this_configuration(
    tmp_path: Path,
) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text(WHOLE)
    with pytest.raises(QuestionError, match=r"of chain 31337, the configuration follows chain 7"):
        await from_recording(SHIPPED, load(path, {}), None, lambda done, of: None)
