"""`make contract-registries`: the same tests against several real registries."""
