"""Questions about all requests at once: a program as SMT-LIB text, one door to the solver, replayed verdicts."""
