"""Build images with BuildKit: batches, the definition for bake, one solve, how each image ended."""
