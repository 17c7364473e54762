"""Tests of the arguments of calls, and of requests."""
