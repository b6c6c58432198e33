"""Masks on channels while a model trains: what they are, how they move, how they come off."""
