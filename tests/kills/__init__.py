"""The kill campaign: `python -m tests.kills` kills builds and checks what they leave."""
