"""Pruning in the Kronecker-factored eigenbasis, in one pass or in rounds."""
