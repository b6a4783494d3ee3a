"""From experts to one pool: a race on the first splits, then all fits of its winners."""

import numpy as np

from sklearn_setpred._cardinality.experts import fit_splits, held_out_rows
from sklearn_setpred._cardinality.pool import Pool, log_linear_pool, pool_exponents
from sklearn_setpred._utils import progress
from sklearn_setpred.sets._batches import row_batches

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
    w, of_labels = pool_exponents(experts, codes, weight), np.empty(len(codes))
    for rows in row_batches((len(codes), len(experts) * experts[0].shape[1])):
        q = log_linear_pool([log_p[rows] for log_p in experts], w)
        of_labels[rows] = q[np.arange(len(q)), codes[rows]]
    return -np.average(of_labels, weights=weight)


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

    def pooled(self, log_p):
        """Return the log-probabilities of rows, (n, n_classes), from those by all experts."""
        return log_p[0].astype(np.float64) if self.pool is None else self.pool(log_p)

    def log_probabilities(self, X, numbers):
        """Return the log-probabilities of new rows, (n, n_classes)."""
        if self.pool is None:
            return self.experts[0].log_probabilities(X, numbers)
        # A classifier of the user's is always asked: it checks X.
        asked = np.array([i for i, expert in enumerate(self.experts) if expert.models])
        log_p = [self.experts[i].log_probabilities(X, numbers) for i in asked]
        return self.pool.of(asked)(log_p)


def fit_ensemble(experts, rows, repeats, rng, *, n_jobs=None, always=()):
    """Fit experts on the splits and pool them on the rows that they left out.

    Parameters
    ----------
    experts : list of Expert
        Not yet fitted.
    rows : TrainingRows
    repeats : list of list of (training rows, held-out rows)
        The first repeat holds each row out at most once; later repeats may hold it out again. The
        training rows of a split hold the labels of its held-out rows.
    rng : RandomState
    n_jobs : int or None
    always : sequence of str
        Names of experts that do not have to win the race.

    Returns
    -------
    ensemble : Ensemble
    log_p : list of ndarray of shape (n_held_out, n_classes), float32
        Log-probabilities by each expert of the rows held out, in order, for the pool.
    """
    raced, read = _raced(repeats[0]), held_out_rows(repeats[0])
    plans = {expert.name: expert.splits(rows, repeats) for expert in experts}
    n_steps = {name: len(plan) for name, plan in plans.items()}
    progress.plan(n_steps, at_most=True, certain=always)
    first = [plan[: len(raced)] for plan in plans.values()]
    fits = fit_splits(experts, rows, first, rng, n_jobs)
    begun = {expert.name: its for expert, its in zip(experts, fits, strict=True)}
    experts = _winners(experts, rows, begun, held_out_rows(raced), always)
    others = [plans[expert.name][len(raced) :] for expert in experts]
    begun = {expert.name: begun[expert.name] for expert in experts}
    rest = fit_splits(experts, rows, others, rng, n_jobs)
    # Only log-probabilities stay: the outputs of fits take as much memory again.
    log_p = [
        _keep(expert, [*begun.pop(expert.name), *its], read)
        for expert, its in zip(experts, rest, strict=True)
    ]
    by_one, by_mean = map(list, zip(*log_p, strict=True))
    return _pooled(experts, by_one, by_mean, rows, repeats), by_mean


def _keep(expert, fits, rows):
    """Keep the models of an expert's fits; return its log-probabilities of held-out rows."""
    expert.keep([fit.model for fit in fits])
    return held_out_log_p(expert, fits, rows)


def _pooled(experts, by_one, by_mean, rows, repeats):
    """Return the `Ensemble` of fitted experts, pooled on the rows that they left out."""
    progress.tell("pool of the experts")
    read = held_out_rows(repeats[0])
    n_models = sum(len(repeat) for repeat in repeats)
    n_held_out = sum(len(test) for splits in repeats for _, test in splits)
    how = {"n_averaged": n_held_out / len(read), "n_models": n_models}
    pool = Pool.fit(by_one, by_mean, rows.codes[read], rows.weights(read), **how)
    for place, expert in enumerate(experts):
        if place not in pool.needed:
            expert.forget()
    ensemble = Ensemble(experts, pool)
    counts = (f"{name} {count:.2f}" for name, count in ensemble.weights.items())
    progress.tell(f"weights of the experts: {', '.join(counts)}")
    return ensemble


def held_out_log_p(expert, fits, rows):
    """Return the log-probabilities of rows by models of an expert that left them out.

    Returns
    -------
    by_one, by_mean : ndarray of shape (len(rows), n_classes), float32
        By the first such model of each row, and by the mean of all.
    """
    shape = len(rows), fits[0].outputs.shape[1]
    by_one, total = (np.zeros(shape, dtype=np.float32) for _ in range(2))
    n_models = sum(np.isin(rows, fit.test).astype(int) for fit in fits)
    counts = np.zeros(len(rows), dtype=int)
    for _, outputs, test in fits:
        kept = np.flatnonzero(np.isin(test, rows))
        for some in row_batches((len(kept), shape[1])):
            place, of_some = np.searchsorted(rows, test[kept[some]]), outputs[kept[some]]
            is_first = counts[place] == 0
            by_one[place[is_first]] = of_some[is_first]
            if n_models.max() > 1:  # otherwise the total is never made
                total[place] += of_some
            counts[place] += 1
    by_one = _in_log(expert, by_one)
    if n_models.max() == 1:
        return by_one, by_one
    total /= counts[:, None]
    return by_one, _in_log(expert, total)


def _in_log(expert, outputs):
    """Return the log-probabilities of outputs, in their place."""
    for rows in row_batches(outputs.shape):
        outputs[rows] = expert.log_p(outputs[rows])
    return outputs


def _raced(splits):
    """Return as many of the first splits as hold out enough rows for the race."""
    held_out = np.cumsum([len(test) for _, test in splits])
    return splits[: 1 + np.searchsorted(held_out, _LEAST_ROWS)]


def _winners(experts, rows, fits, raced, always):
    """Return the experts that win the race on held-out rows."""
    if len(always) == len(experts):
        return experts
    log_p = {e.name: held_out_log_p(e, fits[e.name], raced)[0] for e in experts}
    names = race(log_p, rows.codes[raced], rows.weights(raced), always=always)
    progress.forgo(log_p.keys() - names)
    progress.tell(f"{', '.join(names)} won the race")
    return [expert for expert in experts if expert.name in names]
