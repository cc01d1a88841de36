"""Fuzz tests: any untrusted input is accepted, or refused with a message."""
