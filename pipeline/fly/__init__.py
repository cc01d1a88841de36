"""Fly.io: its Machines API and GraphQL, and flyctl, which deploys."""
