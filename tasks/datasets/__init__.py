"""One file per data set; `tasks.data.load` finds them by name."""
