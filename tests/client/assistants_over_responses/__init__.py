"""Tests of the calls on assistants, on the Responses wire."""
