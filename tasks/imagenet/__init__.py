"""Images too many for memory: read, decoded and augmented while the network trains."""
