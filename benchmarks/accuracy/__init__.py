"""A matrix of cells (network, training, criterion, budget, stage, seed) and their accuracies."""
