"""Layers that are trained alike and set side by side."""
