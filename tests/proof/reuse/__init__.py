"""The second table of the proof: a base changes, and what depends on it may be reused or not."""
