"""How many tokens a tokenised data set holds."""
