"""Incidents: the daemon's own pipeline over blocks of the past, and what it would have said.

At the top of the house: this package may import all others, none of them may import it.
"""
