"""What the daemon costs, beside what a user would write instead: `make bench`."""
