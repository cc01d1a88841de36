"""Output for people and scripts: live view, plain lines, tables, graphs, errors, JSON.

This package makes no decisions: it turns values of `model` into text. Data goes to stdout,
everything else to stderr; the caller passes the stream.
"""
