"""Tests of the server to test against."""
