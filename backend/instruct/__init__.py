"""From what is known of a part to validated templates: documents, the reader, models, checks."""
