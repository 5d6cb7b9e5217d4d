"""Imports: the logs of finished or running trainings become external runs.

`found_runs` reads logs. `lab diagnose` calls it, and imports call it in a process of its own
(`reading_process`). `uploads` streams what a client sends to disk, and `importer` stores the runs.
"""
