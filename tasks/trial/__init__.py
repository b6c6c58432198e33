"""A page to try LiteRT files on in a browser."""
