"""Tests of the client and its calls."""
