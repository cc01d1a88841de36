"""Whatever others write, it is understood or refused in words: tried with inputs nobody wrote."""
