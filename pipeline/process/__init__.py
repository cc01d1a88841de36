"""Child processes, what they leave behind, and files that are read and written safely."""
