"""What libraries keep in files of their own: the layers that the stores among the formats are made of."""
