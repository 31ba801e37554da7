"""The contract of flawsmith: recipes, templates, view sets and the server's messages."""
