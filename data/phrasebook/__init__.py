"""Phrasebook: English sentences and their German translations, from one grammar that speaks both languages."""
