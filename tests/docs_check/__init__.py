"""The pages of the documentation: their commands run, their links lead somewhere."""
