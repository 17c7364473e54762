"""Tests of the Responses wire."""
