"""Measured time: benchmarks of models, tables of operators, and predictions from them."""
