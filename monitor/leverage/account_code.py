"""Code whose word about its owner is believed, by keccak of what is deployed.

How each hash was come by, so that nobody need believe this table either:

Safe: the build artifacts of npm's @gnosis.pm/safe-contracts 1.1.1 and 1.3.0,
@safe-global/safe-contracts 1.4.1 and @safe-global/safe-smart-account 1.5.0: singletons have the
hashes that @safe-global/safe-deployments 1.37.63 publishes, proxies are contained in factories
that do. Of 1.0.0 and 1.2.0 the packages hold other builds than were deployed: their singletons
stand here with the published hashes, proxies of theirs do not. ZKsync's are another machine's.

SimpleAccount: npm's @account-abstraction/contracts 0.6.0, 0.7.0 and 0.8.0. With the entry point
of its version and salt 0 their factory's creation code gives the addresses those factories have
(0x9406cc61…, 0x91e60e06…, 0x13e9ed32…); what they then deploy was hashed. The entry point and
the address of its own are part of such code: deployed anew, it has another hash.

DSProxy: the binding of Maker's contracts for Java (web3j), whose code ends in the metadata hash
e498874c… of the DSProxy that explorers show as verified; that source compiled by solc 0.4.23
(optimised, 200 runs) gives the same but for this hash. Code of other compilers has other hashes.

Anything else an operator adds by `[[account_code]]`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from monitor.core.owners import OwnerKind


class Naming(StrEnum):
    """Where a proxy says which code it runs."""

    SLOT_0 = "slot 0"
    """The first word of its storage, as Safe's proxies."""
    EIP_1967 = "its EIP-1967 slot"


class Question(StrEnum):
    """How code tells whom it obeys."""

    OWNER = "owner()"
    OWNERS = "getOwners()"
    """Several of them together, getThreshold() by number."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Code that runs other code, which must be known as well."""

    naming: Naming


@dataclass(frozen=True, slots=True)
class Wallet:
    """Code that obeys whom it names, deployed by itself or behind a proxy."""

    kind: OwnerKind
    question: Question


AccountCode = Proxy | Wallet

KINDS: Mapping[str, AccountCode] = {
    "safe": Wallet(OwnerKind.SAFE, Question.OWNERS),
    "safe_proxy": Proxy(Naming.SLOT_0),
    "ds_proxy": Wallet(OwnerKind.DS_PROXY, Question.OWNER),
    "smart_account": Wallet(OwnerKind.SMART_ACCOUNT, Question.OWNER),
    "erc1967_proxy": Proxy(Naming.EIP_1967),
}
"""Kinds of code by the name they have in the configuration."""

HASHES: Mapping[str, tuple[str, ...]] = {
    "safe": (
        "0xe1f1593df76e69abc2d692792c80f329457551d5e83dde597546a1d58764da80",  # 1.0.0
        "0x56b8be58b5ad629a621593a2e5e5e8e9a28408dc06e95597497b303902772e45",  # 1.1.1
        "0x2ae2d1231f0d754a7fa4f5e5d0e5554085e1b500d8e09f95aaaaa3f49c0db922",  # 1.2.0
        "0xbba688fbdb21ad2bb58bc320638b43d94e7d100f6f3ebaab0a4e4de6304b1c2e",  # 1.3.0
        "0x21842597390c4c6e3c1239e434a682b054bd9548eee5e9b1d6a4482731023c0f",  # 1.3.0 L2
        "0x1fe2df852ba3299d6534ef416eefa406e56ced995bca886ab7a553e6d0c5e1c4",  # 1.4.1
        "0xb1f926978a0f44a2c0ec8fe822418ae969bd8c3f18d61e5103100339894f81ff",  # 1.4.1 L2
        "0xdda019cbd7c867a533a2a86e5c53434fdc50b13122b5a5ddb4a8df61b31c20f2",  # 1.5.0
        "0x180193227186ccb85316c94db1f0d156ed932b14712cfaac78901899178572dc",  # 1.5.0 L2
    ),
    "safe_proxy": (
        "0xaea7d4252f6245f301e540cfbee27d3a88de543af8e49c5c62405d5499fab7e5",  # 1.1.1
        "0xb89c1b3bdf2cf8827818646bce9a8f6e372885f8c55e5c07acbd307cb133b000",  # 1.3.0
        "0xd7d408ebcd99b2b70be43e20253d6d92a8ea8fab29bd3be7f55b10032331fb4c",  # 1.4.1
        "0x4e381985ca68b3e5d27b4425fa581c19cf33146d3f887a3cfca96f55528ea46f",  # 1.5.0
    ),
    "ds_proxy": (
        "0x27c02a1a822222c2ad6a9a01021c98abf05dbe6d19540035756ef97697ed41d0",  # Maker's, 2018
    ),
    "smart_account": (
        "0x82a437911149039ccd41779a93168467ac416f8bd62bd32a2790bb258e50027f",  # 0.6 at 0x8abb1336…
        "0x7451513d9195948ec8f943beeaa7b7551371f1cbb89f984dbff998cdcb9acded",  # 0.7 at 0x68641de7…
        "0x689a90eff03926a12aedad2fc6d4fdbcbdd9ffac86e7d0d70ce6355961305c74",  # 0.8 at 0x28426d75…
    ),
    "erc1967_proxy": (
        "0x0acbd632c56f6f227951f6c832b36177319145deddb8df3a12c3bcc91fbf49b3",  # SimpleAccount's 0.6
        "0x0cf33e42b59cd30ce43a3d95a9c4de2589047c5e0968708337764f9776097210",  # 0.7
        "0x41ee894da413cc99e8dec0a1784470eceb736845ad1591e06ff0ecdf0aca26c9",  # 0.8
    ),
}


def known_code(added: Mapping[str, str]) -> dict[str, AccountCode]:
    """Known code by its hash; `added`: hashes to kinds, by name, that an operator vouches for."""
    told = {code_hash: kind for kind, hashes in HASHES.items() for code_hash in hashes}
    return {code_hash: KINDS[kind] for code_hash, kind in (told | dict(added)).items()}
