"""Pruning in rounds, each followed by recovery beside the unpruned teacher."""
