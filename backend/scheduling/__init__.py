"""Scheduling: groups of runs sent to workers, leases watched, workers registered."""
