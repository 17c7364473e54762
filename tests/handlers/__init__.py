"""Tests of events to callbacks."""
