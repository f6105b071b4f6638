from hypothesis import settings

# A loaded machine must not fail a test, and a failure must come back on the next run.
settings.register_profile("latentclust", deadline=None, derandomize=True)
settings.load_profile("latentclust")
