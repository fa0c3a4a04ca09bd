"""Text as batches of ids."""
