"""Recurrent sequence models of text."""
