"""One module per raw format; pseudonyms are made at this door."""
