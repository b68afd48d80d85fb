"""Breakers on real prices: the Lido book of 2023 under every round of two Chainlink feeds."""
