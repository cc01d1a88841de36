"""The registry client: what exists, with which digest, who we are there, and moving a tag."""
