"""The test suite: one module for each source module, flat; helpers are imported from here."""
