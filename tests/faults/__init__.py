"""Faults of every kind, made on purpose: kills, full disks, damaged files, hostile input; `make test-faults` runs them.

A case holds if nothing is lost, nothing hangs, no traceback is printed and no wrong result is returned in silence.
"""
