"""Training from scratch with fewer and fewer channels."""
