"""The page of a screen: what was understood, the candidates, and how far to trust them."""
