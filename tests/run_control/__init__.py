"""Tests of what can be done about a run."""
