"""Documents in, results out: readers, writers, scoring that survives a kill."""
