"""BuildKit over the docker command line: one bake solve, its progress, its failures."""
