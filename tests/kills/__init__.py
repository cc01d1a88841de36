"""The campaign of kills: `python -m tests.kills` kills builds and looks at what they leave."""
