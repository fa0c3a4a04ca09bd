"""One file for each kind of fault; each gives `prepare`, which makes what its cases share, and `cases`."""
