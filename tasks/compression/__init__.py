"""Making a model smaller that lies on disk: what `tasks.compress` is made of."""
