"""The report of a run: numbers, a table for the terminal and a page for the browser."""
