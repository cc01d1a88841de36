"""Ways to install: from a clone, from a wheel, and without installing."""
