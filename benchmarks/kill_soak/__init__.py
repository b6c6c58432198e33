"""Kills workers of a run again and again, and compares what comes out: see `__main__`."""
