"""What a molecule looks like: its standard form, its features, and the store that holds them."""
