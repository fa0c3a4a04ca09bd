"""Networks in pure torch: token ids in, numbers out."""
