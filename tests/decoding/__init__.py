"""Tests of bytes to events."""
