import re
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.option_table import describe
from monitor.settings import Settings, load

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
GOOD = f"""
[chain]
chain_id = 1
endpoints = ["wss://node.example/v2/KEY-A", "https://b.example"]

[[markets]]
name = "aave-core"
protocol = "aave_v3"
address = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"

[[liquidity]]
kind = "uniswap_v3"
pool = "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"

[assets.WETH]
address = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
correlated_with = ["wstETH"]

[scenarios.eth-crash]
shocks = {{ WETH = -0.30 }}
[scenarios.eth-curve]
curve = {{ asset = "WETH", to = -0.5, steps = 100 }}
options = {{ gas_usd = 10 }}

[[breakers]]
name = "eth-cascade"
scenario = "eth-crash"
measure = "liquidated_usd"
warn = 5_000_000
trip = 20_000_000
clear = 4_000_000
hold_blocks = 2

[[breakers]]
name = "eth-near"
scenario = "eth-curve"
measure = "critical_shock"
warn = 0.3
trip = 0.1
clear = 0.4

[[webhooks]]
url = "https://hooks.example/T/KEY-B"
secret = "{SECRET}"
"""
TOKEN = "a-token-of-some-length"


def loaded(tmp_path: Path, text: str = GOOD, **environ: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load(path, environ)


def faults(tmp_path: Path, text: str = GOOD, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **environ)
    return caught.value.faults


def test_load__the_contracts_example__gives_its_values(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.markets[0].address == "0x2f39d218133afab8f2b819b1066c7e434ad94e9e"
    assert settings.scenarios["eth-crash"].shocks == {"WETH": -0.3}
    assert settings.breakers[1].warn == Decimal("0.3")
    assert settings.breakers[0].markets == ("*",)
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 9464)


def test_options_of__a_scenario_with_its_own__go_before_the_defaults(tmp_path: Path) -> None:
    settings = loaded(tmp_path, GOOD + "[projection]\nmax_rounds = 7\nunwind = true\n")
    options = settings.options_of("eth-curve")
    assert (options.gas_usd, options.max_rounds) == (10, 7)
    assert (options.unwind, options.fill) == (True, "ladder")


def test_settings__printed__hold_no_secret(tmp_path: Path) -> None:
    text = f"{loaded(tmp_path, CASCADE_MONITOR_HTTP__TOKEN=TOKEN)!r}"
    assert not any(secret in text for secret in ("KEY-A", "KEY-B", SECRET, TOKEN))


def test_secrets__of_all_tables__are_named(tmp_path: Path) -> None:
    found = set(loaded(tmp_path, CASCADE_MONITOR_HTTP__TOKEN=TOKEN).secrets())
    assert "embedded" not in found
    assert {"wss://node.example/v2/KEY-A", "https://hooks.example/T/KEY-B", SECRET, TOKEN} <= found


CLAIM = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
VAULT = f"[[receipts]]\ntoken = '{CLAIM}'\nkind = 'erc4626'\n"
CODE = f"[[account_code]]\nhash = '0x{'C0' * 32}'\nkind = 'ds_proxy'\n"
FEED = f"[[feeds]]\naddress = '{CLAIM}'\n"
OTHER = "0x" + "b" * 40
RATE = f"[[receipts]]\ntoken = '{CLAIM}'\nkind = 'rate_provider'\nunderlying = '{OTHER}'\n"
MORPHO = f"[[markets]]\nname = 'morpho'\nprotocol = 'morpho_blue'\naddress = '{OTHER}'\n"
MORPHO_TOO = MORPHO.replace("'morpho'", "'too'").replace("0xb", "0xB")
FIRST, SECOND = (f"market_ids = ['0x{digit * 64}']\n" for digit in "1c")
POOL = "[[liquidity]]\nkind = 'uniswap_v3'\npool = '0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640'\n"
STATED = (
    f"[[liquidity]]\nkind = 'parametric'\nasset = '{CLAIM}'\nquote = '{OTHER}'\n"
    "depth_at_2_percent_usd = 5\n"
)
OF_V3, OF_V2 = 'kind = "uniswap_v3"\n', 'kind = "uniswap_v2"\n'
OWN = 'protocol = "aave_v3"\n'


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("chain_id = 1", 'chain_id = "one"', r"chain\.chain_id = 'one': expected .*integer"),
        ("chain_id = 1", "chain_id = true", r"chain\.chain_id = True: expected a number"),
        ("chain_id = 1", "chain_id = 0", r"chain\.chain_id = 0: expected greater than 0"),
        ("chain_id = 1", "", r"chain\.chain_id: missing: expected the chain to follow"),
        ("chain_id = 1", "chain_id = 1\nchainid = 2", r"chain\.chainid: unknown key: did you mean"),
        ("wss://", "ftp://", r"chain\.endpoints\[0\]: expected a URL with http://"),
        ("node.example", "node..example", r"chain\.endpoints\[0\]: expected a URL"),
        ("aave_v3", "aave_v9", r"markets\[0\]\.protocol = 'aave_v9': expected 'aave_v3'"),
        ("aave_v3", "maker", r"protocol maker is not supported .*expected aave_v3, morpho_blue"),
        (OWN, f"{OWN}market_ids = 'all'\n", r"\.market_ids .*: not a key of an aave_v3 m"),
        (
            "[[liq",
            f"{MORPHO}market_ids = ['0x12']\n[[liq",
            r"'0x12' is not a market id: exp",
        ),
        ("[[liq", f"{MORPHO}market_ids = []\n[[liq", r'market_ids: expected "all", or a list'),
        ("[[liq", f"{RATE}rate_method = 'a b'\n[[liq", r"rate_method = 'a b': expected the name"),
        ("[[liq", f"{RATE}[[liq", r"receipts\[0\]\.rate_method: missing"),
        (
            "[[liq",
            f"{VAULT}rate_source = '{CLAIM}'\n[[liq",
            r"rate_source .*: not a key of an erc4626 receipt: expected from_block",
        ),
        (
            "[[liq",
            f"{RATE}rate_method = 'r'\nfrom_block = 1\n[[liq",
            r"from_block = 1: not a key of an rate_provider receipt: expected rate_method, rate_so",
        ),
        ("[[liq", f"{VAULT}from_block = -1\n[[liq", r"from_block = -1: expected"),
        ("[[liq", f"{VAULT}{VAULT}[[liq", r"receipts: 2 are of the token 0x2f39"),
        ("[[liq", f"{FEED}{FEED}[[liq", r"feeds: 2 are of the address 0x2f39"),
        ("[[liq", f"{CODE}{CODE.lower()}[[liq", r"account_code: 2 are of the hash 0xc0c0"),
        ("[[liq", f"{CODE.replace('C0C0', '')}[[liq", r"hash = .*: expected keccak of"),
        ("[[liq", f"{CODE.replace('ds_', 'my_')}[[liq", r"kind = 'my_proxy': expected 'safe', "),
        ("[[liq", f"{POOL.lower()}[[liq", r"liquidity: 2 are of the pool 0x88e6"),
        ("[[liq", f"{RATE.replace(OTHER, CLAIM)}rate_method = 'r'\n[[liq", r"the token itself"),
        ("[[liq", f"{MORPHO}{MORPHO_TOO}[[liq", r"markets: 2 are of the address 0xbb"),
        ("[[liq", f"{MORPHO}{MORPHO_TOO}{FIRST}[[liq", r"markets: 2 are of the address 0xbb"),
        (
            "[[liq",
            f"{MORPHO}{SECOND}{MORPHO_TOO}{SECOND.replace('c', 'C')}[[liq",
            r"or market_ids that no two entries share",
        ),
        ("[[liq", f"{FEED}deviation = 0\n[[liq", r"feeds\[0\]\.deviation"),
        ("[[liq", f"{FEED}heartbeat_seconds = 0\n[[liq", r"feeds\[0\]\.heartbeat_seconds"),
        ("0x2f39", "0x2f3", r"markets\[0\]\.address = '0x2f3.*': .*is not an address"),
        ("aave-core", "aave core", r"markets\[0\]\.name = 'aave core': expected up to 63 letters"),
        ('"aave_v3"', '"aave_v3"\nilks = "all"', r"markets\[0\]\.ilks = 'all': not a key of an"),
        ("uniswap_v3", "uniswap_v4", r"kind = 'uniswap_v4': expected 'uniswap_v2'"),
        ("[[liq", f"{STATED.replace('quote', '#')}[[liq", r"quote: missing: a parametric entry"),
        (OF_V3, f"{OF_V3}fee_ppm = 1\n", r"fee_ppm = 1: not a key of a uniswap_v3 entry"),
        (OF_V3, f"{OF_V2}fee_ppm = 1000000\n", r"fee_ppm = 1000000: expected less than"),
        (OF_V3, f"{OF_V2}fee_ppm = -1\n", r"fee_ppm = -1: expected greater than or"),
        (OF_V3, f"{OF_V2}asset = '{OTHER}'\n", r"asset = .*: not a key of a uniswap_v2 entry"),
        (
            "[[liq",
            f"{STATED.replace(OTHER, CLAIM)}[[liq",
            r"quote = .*: the asset itself: expected",
        ),
        ("[[liq", f"{STATED.replace('= 5', '= 0')}[[liq", r"usd = 0: expected greater than 0"),
        ("shocks = { WETH = -0.30 }", "", r"scenarios\.eth-crash: neither shocks nor a curve"),
        (
            "shocks = { WETH = -0.30 }",
            "shocks = {}",
            r"scenarios\.eth-crash\.shocks: expected at l",
        ),
        (
            "shocks = {",
            'curve = { asset = "W", to = 1 }\nshocks = {',
            r"scenarios\.eth-crash: shocks and a curve",
        ),
        ("WETH = -0.30", "WETH = nan", r"shocks\.WETH = nan: expected a finite number"),
        ("to = -0.5", "to = 0", r"scenarios\.eth-curve\.curve\.to: 0 is no shock"),
        ("to = -0.5", "to = -1", r"scenarios\.eth-curve\.curve\.to = -1: expected greater than -1"),
        (
            "warn = 5_000_000",
            "warn = 4_000_000",
            r"breakers\[0\]\.clear = 4000000: not on the safe",
        ),
        (
            "warn = 5_000_000",
            "warn = 20_000_000",
            r"breakers\[0\]\.trip = 20000000: not on the bad",
        ),
        ("clear = 0.4", "clear = 0.2", r"breakers\[1\]\.clear = 0\.2: .*expected a value above it"),
        ("trip = 0.1", "trip = 0.35", r"breakers\[1\]\.trip = 0\.35: .*expected a value below it"),
        ("warn = 5_000_000", "warn = inf", r"breakers\[0\]\.warn = .*inf.*: expected a finite"),
        ('scenario = "eth-crash"', 'scenario = "x"', r"breakers\[0\]\.scenario = 'x': .*eth-curve"),
        ('"eth-crash"\nm', '"eth-curve"\nm', r"breakers\[0\]\.scenario = 'eth-curve': .*shocks"),
        ("hold_blocks = 2", 'markets = ["x"]', r"breakers\[0\]\.markets = 'x': .*aave-core"),
        ("eth-near", "eth-cascade", r"breakers: 2 have the name 'eth-cascade'"),
        ("eth-near", "monitor.near", r"breakers\[1\]\.name = 'monitor\.near': .*monitor's own"),
        ("https://hooks", "https://hooks.example@10.0.0.1?", r"webhooks\[0\]\.url: a private"),
        ("hooks.example", "[::1]", r"webhooks\[0\]\.url: a private address"),
        ("hooks.example", "localhost", r"webhooks\[0\]\.url: a private address"),
        ("whsec_", "whsec-", r"webhooks\[0\]\.secret\[0\]: expected whsec_<base64>"),
        ("whsec_M", "whsec_!", r"webhooks\[0\]\.secret\[0\]: expected whsec_<base64>"),
        (f'secret = "{SECRET}"', "", r"webhooks\[0\]\.secret: missing: expected secret_file"),
        (f'secret = "{SECRET}"', 'format = "pagerduty"', r"routing_key: missing: expected routing"),
        ("secret =", 'page_url = "ops/cm"\nsecret =', r"page_url = 'ops/cm': expected http:// or"),
        ("secret =", 'format = "apprise"\nsecret =', r"secret: not a key of a webhook of format"),
        ("secret =", 'delivery = "later"\nsecret =', r"delivery = 'later': expected 'instant' or"),
        ("[[liq", '[deadman]\nurl = "http://127.0.0.1:1"\n[[liq', r"deadman\.url: a private addr"),
        (
            "[[liq",
            '[[watch]]\nname = "eth-cascade"\naccounts = ["0x' + "1" * 40 + '"]\n'
            "health_below = 1.1\n[[liq",
            r"breakers and watch: 2 have the name 'eth-cascade'",
        ),
        ("secret =", 'breakers = ["x"]\nsecret =', r"webhooks\[0\]\.breakers = 'x': there is none"),
        (
            "[[liq",
            '[http]\nlisten = "0.0.0.0:1"\n[[liq',
            r"http\.listen = '0\.0\.0\.0:1': not a loop",
        ),
        (
            "[[liq",
            '[http]\nlisten = "9464"\n[[liq',
            r"http\.listen = '9464': expected an address and",
        ),
        ("[[liq", "[store]\nurl = 'http://x'\n[[liq", r"store\.url: expected a URL with redis://"),
        ("[[liq", "[wach]\n[[liq", r"^wach: unknown key: did you mean watch\?"),
        ("[[liq", "[projection]\nfill = 'all'\n[[liq", r"projection\.fill = 'all': .*'optimal'"),
        ("[[liq", "[projection]\nunwind = 'maybe'\n[[liq", r"projection\.unwind = 'maybe': .*bool"),
        ("[chain]", "[chain", r"config\.toml: not TOML"),
    ],
)
def test_load__one_fault__is_named_with_what_was_expected(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    assert old in GOOD
    found = faults(tmp_path, GOOD.replace(old, new, 1))
    assert len(found) == 1, found
    assert re.search(fault, found[0]), found[0]


def test_load__one_morpho_in_two_entries__may_share_no_market_id(tmp_path: Path) -> None:
    apart = f"{MORPHO}{FIRST}{MORPHO_TOO}{SECOND}[[liq"
    assert len(loaded(tmp_path, GOOD.replace("[[liq", apart, 1)).markets) == 3


def test_load__many_faults__are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("chain_id = 1", "chain_id = 'x'").replace("hold_blocks", "hold_block")
    text = text.replace('"eth-crash"\n', '"nope"\n').replace("= 5_000_000", "= 3")
    found = " | ".join(faults(tmp_path, text, CASCADE_MONITOR_HTTP__TOKEN_FILE="absent"))
    for key in ("chain.chain_id", "hold_block:", "].scenario = 'nope'", "].clear", "token_file"):
        assert key in found


def test_load__faults_around_secrets__show_none(tmp_path: Path) -> None:
    text = GOOD.replace("wss://", "ftp://").replace("https://hooks", "gopher://hooks")
    text = text.replace("whsec_", "whsec-").replace("chain_id", "endpoint = 'https://x/KEY-A'\n#")
    found = " ".join(faults(tmp_path, text))
    assert not re.search("KEY-A|KEY-B|MfKQ", found)


def test_load__no_file__says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "absent.toml", {})


def test_load__private_webhook_that_is_allowed__is_no_fault(tmp_path: Path) -> None:
    text = GOOD.replace("hooks.example", "127.0.0.1:9000").replace(
        "secret =", "allow_private = true\nsecret ="
    )
    assert loaded(tmp_path, text).webhooks[0].allow_private


def test_load__listening_everywhere_with_a_token__is_no_fault(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path, CASCADE_MONITOR_HTTP__LISTEN="0.0.0.0:9464", CASCADE_MONITOR_HTTP__TOKEN=TOKEN
    )
    assert settings.http.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("variable", "value", "where", "found"),
    [
        ("CHAIN__POLL_SECONDS", "5", lambda s: s.chain.poll_seconds, 5),
        ("CHAIN__START_BLOCK", "17", lambda s: s.chain.start_block, 17),
        ("CHAIN__ENDPOINTS", '["http://c"]', lambda s: len(s.chain.endpoints), 1),
        ("CHAIN__ENDPOINTS", "http://c", lambda s: len(s.chain.endpoints), 1),
        ("MARKETS__0__NAME", "core", lambda s: s.markets[0].name, "core"),
        ("ASSETS__WETH__PRICE_FEED", "0x" + "ab" * 20, lambda s: len(s.assets), 1),
        ("ASSETS__weth__ADDRESS", "0x" + "ab" * 20, lambda s: list(s.assets), ["WETH"]),
        ("ASSETS__DAI__ADDRESS", "0x" + "ab" * 20, lambda s: sorted(s.assets), ["DAI", "WETH"]),
        (
            "SCENARIOS__ETH_CRASH__SHOCKS",
            '{"peg:wstETH/WETH": -0.05}',
            lambda s: s.scenarios["eth-crash"].shocks,
            {"peg:wstETH/WETH": -0.05},
        ),
        ("BREAKERS__0__HOLD_BLOCKS", "9", lambda s: s.breakers[0].hold_blocks, 9),
        ("WEBHOOKS__0__ALLOW_PRIVATE", "true", lambda s: s.webhooks[0].allow_private, True),
        ("WEBHOOKS__1__URL", "https://x/y", None, "missing: expected secret_file"),
        ("WEBHOOKS__3__URL", "https://x", None, "CASCADE_MONITOR_WEBHOOKS__3__URL: expected a num"),
        ("CHAIN__CHAIN_ID__X", "1", None, "expected a table above it"),
        ("HTTP__TOKEN", "", None, "http.token: expected one line of printable text"),
        ("CHAIN__NOPE", "1", None, "chain.nope: unknown key"),
        ("MARKETS", "[1", None, "CASCADE_MONITOR_MARKETS: expected JSON"),
        ("PORT_9464_TCP", "tcp://10.0.0.1:9464", lambda s: s.http.port, 9464),
    ],
)
def test_load__a_variable__goes_over_the_file(
    tmp_path: Path, variable: str, value: str, where: object, found: object
) -> None:
    environ = {f"CASCADE_MONITOR_{variable}": value}
    if callable(where):
        assert where(loaded(tmp_path, **environ)) == found
    else:
        assert str(found) in " ".join(faults(tmp_path, **environ))


def test_load__secret_in_a_file__is_read(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = loaded(tmp_path, GOOD + '[http]\ntoken_file = "token"\n')
    assert settings.http.token is not None
    assert settings.http.token.get_secret_value() == TOKEN


def test_load__signing_secret_while_it_rotates__is_several(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text(f"{SECRET}\n\n{SECRET[:-4]}AAAA\n")
    text = GOOD.replace(f'secret = "{SECRET}"', 'secret_file = "secrets"')
    assert len(loaded(tmp_path, text).webhooks[0].secret) == 2


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, "No such file"), ("\n", "the file is empty"), ("a\nb", "token: expected")],
)
def test_load__secret_file_of_no_use__is_a_fault(
    tmp_path: Path, content: str | None, fault: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    assert fault in " ".join(faults(tmp_path, GOOD + '[http]\ntoken_file = "token"\n'))


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        (f'secret = "{SECRET}"', 'secret_file = "nowhere"', "webhooks[0].secret_file"),
        ("endpoints = ", 'endpoints_file = "nowhere"\n# ', "chain.endpoints_file"),
    ],
)
def test_load__secret_file_that_is_not_there__is_one_fault(
    tmp_path: Path, before: str, after: str, key: str
) -> None:
    """Not another one because the secret is missing."""
    assert before in GOOD
    (fault,) = faults(tmp_path, GOOD.replace(before, after))
    assert fault.startswith(f"{key} = ")
    assert "expected a readable file that holds it" in fault


def test_load__secret_given_twice__is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (fault,) = faults(tmp_path, GOOD + f'[http]\ntoken = "{TOKEN}"\ntoken_file = "token"\n')
    assert "expected one of them" in fault
    assert TOKEN not in fault


@pytest.mark.parametrize(
    "text",
    [
        "markets = 1",
        "[markets]\nx = 1",
        "chain = []",
        "scenarios = 3",
        "webhooks = [1]",
        "http = 1",
    ],
)
def test_load__a_table_of_the_wrong_kind__is_a_fault_and_no_crash(
    tmp_path: Path, text: str
) -> None:
    assert faults(tmp_path, text)


def test_settings__changed_after_loading__are_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        loaded(tmp_path).chain.chain_id = 5


def test_describe__all_keys__have_words() -> None:
    rows = {row.key: row for row in describe()}
    assert all(row.description and row.type for row in rows.values())
    assert rows["chain.chain_id"].default == "required"
    assert {"http.token_file", "webhooks[].secret_file", "assets.<name>.price_feed"} <= set(rows)
