"""One image, a thousand apps: `python -m tests.thousand`; with fewer apps in `make test`."""
