"""Mutation tests of the core: ``make mutants``. Each change of a token that no test notices is listed, with its reason."""
