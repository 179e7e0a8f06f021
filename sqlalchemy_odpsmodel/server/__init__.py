"""MaxCompute's protocol over the local file: what ``odpsmodel serve`` runs."""
