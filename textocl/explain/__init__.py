"""Explanations of scores, how true they are, and how a notebook shows them."""
