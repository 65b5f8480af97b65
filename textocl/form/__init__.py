"""Detectors of form: characters and surface rather than words."""
