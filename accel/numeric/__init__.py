"""Numbers and formats: what a code means, how it is made, how wide a sum must be."""
