"""The train and the validation loss of a run, found among its series by their names.

`series_names` parses a name, `name_pairs` ranks the pairs of names. The readers of log files
(`backend.log_formats`) use these two. Metrics that a client logged while it trained are paired by
`pairing`, which also cleans them (`logged_points`, `leftovers`) and finds a common axis (`axes`).
"""

from backend.pairing.logged_points import LoggedPoints
from backend.pairing.loss_pair import LossPair
from backend.pairing.pairing import Chosen, Pairing, pair_losses

__all__ = ["Chosen", "LoggedPoints", "LossPair", "Pairing", "pair_losses"]
