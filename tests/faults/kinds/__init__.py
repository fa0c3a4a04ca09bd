"""One module for each kind of fault: `cases` returns its cases, and `prepare` creates what they share."""
