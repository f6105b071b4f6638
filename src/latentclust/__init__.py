"""latentclust: deep clustering with autoencoders, VAEs and VaDE."""

__version__ = "0.1.0"
