"""Loops and decoys on real contracts, and how well the monitor tells them apart. See __main__."""
