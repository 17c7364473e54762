"""Tests of functions that a model may call."""
