"""Names of runs whose client gives none, such as quiet-otter-417."""

import random

_ADJECTIVES = (
    "amber", "bold", "brisk", "calm", "clear", "crisp", "curious", "deft", "eager", "early",
    "fair", "gentle", "glad", "keen", "kind", "late", "light", "lucky", "mellow", "merry", "neat",
    "nimble", "noble", "patient", "plain", "proud", "quick", "quiet", "rapid", "silver", "sly",
    "soft", "steady", "still", "sunny", "swift", "tidy", "warm", "wise", "young",
)  # fmt: skip
_ANIMALS = (
    "badger", "bear", "beaver", "bison", "crane", "crow", "deer", "dove", "eagle", "falcon",
    "finch", "fox", "gull", "hare", "hawk", "heron", "ibis", "jay", "lark", "lion", "lynx",
    "magpie", "marten", "mole", "moose", "newt", "otter", "owl", "panda", "plover", "puffin",
    "raven", "robin", "seal", "shrew", "stork", "swan", "tern", "toad", "vole", "wolf", "wren",
)  # fmt: skip


def random_name() -> str:
    """Return a new name. Two runs may get the same."""
    number = random.randint(1, 999)  # noqa: S311 - nothing secret
    return f"{random.choice(_ADJECTIVES)}-{random.choice(_ANIMALS)}-{number}"  # noqa: S311
