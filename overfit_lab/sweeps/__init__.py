"""Sweeps: a grid of params whose runs are commands or function calls on this machine.

An agent claims runs from a server, starts the command that its own user gave it, and reports how it
ended. Only names and values come from the server, and no value goes through a shell.
"""
