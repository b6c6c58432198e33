"""What the reports of runs are made from; the page itself is the library's."""
