"""Remedies: the catalogue of changes that may cure a bad fit, and follow-ups that try them."""
