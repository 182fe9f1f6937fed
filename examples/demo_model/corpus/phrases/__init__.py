"""Many more wordings for training, one module per skill."""
