"""The same trained network pruned by ccm_tf and by its peers, side by side."""
