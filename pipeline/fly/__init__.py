"""Fly: its Machines API and GraphQL over HTTP, and flyctl, which deploys."""
