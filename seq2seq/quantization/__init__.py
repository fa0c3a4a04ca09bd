"""Networks with int8 or bfloat16 weights, for inference only."""
