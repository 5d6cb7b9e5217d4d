"""Use cases over runs and experiments: lifecycle, lists, curation, comparison and analysis."""
