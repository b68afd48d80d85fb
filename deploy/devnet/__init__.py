"""The local chain: real lending protocol bytecode on anvil."""
