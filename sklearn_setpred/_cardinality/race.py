"""From experts to one pool: a race on the first splits, then all fits of its winners."""

import numpy as np

from sklearn_setpred._cardinality.pool import Pool, log_linear_pool, pool_exponents
from sklearn_setpred._utils import progress

# An expert goes on if it lowers the negative log-likelihood of the pool by this fraction, ...
_LEAST_GAIN = 0.005
# ... and by this much, in nats for each row.
_LEAST_NATS = 0.001
# The race takes as many of the first splits as hold out so many rows.
_LEAST_ROWS = 600


def race(log_p, codes, weight, *, always=()):
    """Return the names of the experts that go on, by forward selection.

    The pool begins with the experts that go on ``always``, or with the best one. The expert that
    raises the pool's likelihood of held-out labels most is added, as long as the gain is worth
    its time.

    Parameters
    ----------
    log_p : dict of ndarray of shape (n, n_classes)
        Log-probabilities of held-out rows, by the name of the expert.
    codes : ndarray of shape (n,), int
        Their labels.
    weight : ndarray of shape (n,)
    always : sequence of str
    """
    chosen, best = list(always), np.inf
    if chosen:
        best = _negative_log_likelihood([log_p[name] for name in chosen], codes, weight)
    while len(chosen) < len(log_p):
        tried = {
            name: _negative_log_likelihood([log_p[one] for one in [*chosen, name]], codes, weight)
            for name in log_p
            if name not in chosen
        }
        name = min(tried, key=tried.get)
        if tried[name] > best - max(_LEAST_GAIN * best, _LEAST_NATS):
            break
        chosen.append(name)
        best = tried[name]
    return [name for name in log_p if name in chosen]


def _negative_log_likelihood(experts, codes, weight):
    """Return the mean of -log q(label) under the log-linear pool that suits the rows best."""
    q = log_linear_pool(experts, pool_exponents(experts, codes, weight))
    return -np.average(q[np.arange(len(codes)), codes], weights=weight)


class Ensemble:
    """Experts and the pool of their probabilities.

    Attributes
    ----------
    experts : list of Expert
    pool : Pool or None
        None for a single expert whose probabilities are taken as they are.
    """

    def __init__(self, experts, pool=None):
        self.experts, self.pool = experts, pool

    @property
    def weights(self):
        """How much each expert counts, by name, a dict of float that sums to one."""
        counts = [1.0] if self.pool is None else self.pool.counts.tolist()
        return {expert.name: count for expert, count in zip(self.experts, counts, strict=True)}

    def log_probabilities(self, X, numbers):
        """Return the log-probabilities of new rows, (n, n_classes)."""
        if self.pool is None:
            return self.experts[0].log_probabilities(X, numbers)
        # A classifier of the user's is always asked: it checks X.
        asked = np.array([i for i, expert in enumerate(self.experts) if expert.models])
        log_p = [self.experts[i].log_probabilities(X, numbers) for i in asked]
        return self.pool.of(asked)(log_p)


def fit_ensemble(experts, rows, repeats, learned_from, rng, *, n_jobs=None, always=()):
    """Fit experts on the splits and pool them on the rows that they left out.

    Parameters
    ----------
    experts : list of Expert
        Not yet fitted.
    rows : TrainingRows
    repeats : list of list of (training rows, held-out rows)
        Each repeat holds every row out at most once.
    learned_from : ndarray of int
        Held-out rows whose label the models know.
    rng : RandomState
    n_jobs : int or None
    always : sequence of str
        Names of experts that do not have to win the race.

    Returns
    -------
    ensemble : Ensemble
    log_p : ndarray of shape (len(learned_from), n_classes)
        Pooled log-probabilities of these rows by models that left them out.
    """
    weight = np.ones(len(rows.codes)) if rows.weight is None else rows.weight
    progress.plan({one.name: one.n_fits(repeats) for one in experts}, at_most=True)
    experts = _winners(experts, rows, repeats[0], learned_from, weight, rng, n_jobs, always)
    held_out = []
    for expert in experts:
        outputs = [one[learned_from] for one in expert.go_on(rows, repeats, rng, n_jobs)]
        held_out.append((expert.log_p(outputs[0]), expert.log_p(sum(outputs) / len(outputs))))
    by_one, by_mean = (list(side) for side in zip(*held_out, strict=True))
    codes, weight = rows.codes[learned_from], weight[learned_from]
    progress.tell("pool of the experts")
    n_models = sum(len(repeat) for repeat in repeats)
    pool = Pool.fit(by_one, by_mean, codes, weight, n_averaged=len(repeats), n_models=n_models)
    for place, expert in enumerate(experts):
        if place not in pool.needed:
            expert.forget()
    return Ensemble(experts, pool), pool(by_mean)


def _winners(experts, rows, splits, learned_from, weight, rng, n_jobs, always):
    """Fit all experts on the first splits; return those that win the race on held-out rows."""
    held_out = np.cumsum([len(test) for _, test in splits])
    splits = splits[: 1 + np.searchsorted(held_out, _LEAST_ROWS)]
    tested = np.concatenate([test for _, test in splits])
    raced = np.isin(tested, learned_from)
    log_p = {}
    for expert in experts:
        outputs = expert.start(rows, splits, rng, n_jobs)
        log_p[expert.name] = expert.log_p(outputs[raced])
    names = race(log_p, rows.codes[tested[raced]], weight[tested[raced]], always=always)
    progress.forgo(log_p.keys() - names)
    progress.tell(f"{', '.join(names)} won the race")
    return [expert for expert in experts if expert.name in names]
