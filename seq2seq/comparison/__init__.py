"""Training several layers under one budget and comparing their results."""
