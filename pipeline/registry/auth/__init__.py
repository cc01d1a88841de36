"""Credentials: where they come from, and how a registry gets them."""
