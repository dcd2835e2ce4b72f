"""Mutation tests of the core, ``make mutants``: a change that no test notices is listed with its reason."""
