"""``python -m latentclust`` and the console script ``latentclust``."""

from latentclust.cli import main

if __name__ == "__main__":
    main()
