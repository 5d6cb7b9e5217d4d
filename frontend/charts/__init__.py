"""Figures: each module computes a typed info first, then draws it in a few lines.

Colours are written as CSS custom properties, ``var(--train)``: the page's theme fills them in.
"""
