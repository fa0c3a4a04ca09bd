"""Grammar of English and German that generates sentence pairs for translators."""
