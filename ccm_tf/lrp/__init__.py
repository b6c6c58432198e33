"""Layer-wise relevance propagation: how much each channel says for the right answer."""
