"""Generated inputs: each must succeed, be rejected record by record, or end in a named error."""
