"""Layers without time: linear, dropout, attention, rotary positions, output layers and their losses."""
