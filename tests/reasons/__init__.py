"""Each kind of change of the proof is named by `why`, exactly: by a record, and by Git alone."""
