"""Networks and their training: everything that knows torch but the losses."""
