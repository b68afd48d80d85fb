"""The status page: what the answers say, for a person who has never seen it."""
