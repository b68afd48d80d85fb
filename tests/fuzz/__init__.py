"""Random real actions on real contracts; the ledger against their views at every block."""
