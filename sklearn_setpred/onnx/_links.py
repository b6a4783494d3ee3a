"""Links of the losses: scores to probabilities, costs to scores."""

import numpy as np

from sklearn_setpred.onnx._graph import row_sum, softmax
from sklearn_setpred.onnx._temperature import temperatures


def probabilities(g, loss, scores, n_classes):
    """Return the probabilities that a loss makes of scores (n, n_classes)."""
    p = _translation(loss, "inverse_link", _LINKS, _softmax)(g, loss, scores, n_classes)
    power = getattr(loss, "power", 1.0)
    return p if power == 1.0 else softmax(g, g("Mul", g("Log", p), np.float64(power)))


def decision_scores(g, loss, scores, n_classes):
    """Return the scores by which the classes rank."""
    translate = _translation(loss, "decision_scores", _DECISION_SCORES, _unchanged)
    return translate(g, loss, scores, n_classes)


def link(g, loss, costs, n_choices):
    """Return the scores at which a loss on costs has the least risk."""
    return _translation(loss, "link", _COST_LINKS, _zeros)(g, loss, costs, n_choices)


def _translation(loss, method, known, default):
    """Return what builds the graph of a loss's method; the default where it redefines none."""
    from sklearn_setpred.losses import Loss

    if getattr(type(loss), method) is getattr(Loss, method):
        return default
    if loss.name not in known:
        raise ValueError(
            f"loss={loss!r} redefines {method}, which is not translated to ONNX; known: "
            f"{sorted(known)} and the losses that keep that of Loss."
        )
    return known[loss.name]


def _softmax(g, loss, scores, n_classes):
    return softmax(g, scores)


def _unchanged(g, loss, scores, n_classes):
    return scores


def _zeros(g, loss, costs, n_choices):
    return g("Mul", costs, np.float64(0))


def _comp_sum_of_costs(g, loss, costs, n_choices):
    """Return log(1 - c) / (2 - tau)."""
    if not loss.has_link:
        return _zeros(g, loss, costs, n_choices)
    rewards = _positive(g, g("Sub", np.float64(1), costs))
    return g("Div", g("Log", rewards), np.float64(2 - loss.tau))


def _constrained_of_costs(g, loss, costs, n_choices):
    """Return mean(log c) - log c for exp, 1 / c over its mean less 1 for the squared hinge."""
    costs = _positive(g, costs)
    if loss.phi == "exp":
        log_c = g("Log", costs)
        return g("Sub", g("ReduceMean", log_c, [1], keepdims=1), log_c)
    if loss.phi == "squared_hinge":
        inverse = g("Div", np.float64(1), costs)
        mean = g("ReduceMean", inverse, [1], keepdims=1)
        return g("Sub", g("Div", inverse, mean), np.float64(1))
    return _zeros(g, loss, costs, n_choices)


def _positive(g, costs):
    """Return the costs that a link divides by or takes the logarithm of."""
    from sklearn_setpred.losses._cost_sensitive import LEAST

    return g("Max", costs, np.float64(LEAST))


def _power(tau_of):
    """Return the link ``p^(2 - tau)``, renormalised, of losses whose tau is ``tau_of(loss)``."""

    def comp_sum_link(g, loss, scores, n_classes):
        tau = tau_of(loss)
        return softmax(g, g("Mul", scores, np.float64(2 - tau if tau < 2 else 1)))

    return comp_sum_link


def _ldr_kl(g, loss, scores, n_classes):
    """Return the link with a margin at the temperature lam."""
    scores = g("Div", _normalized(g, loss, scores), np.float64(loss.lam))
    margins, q = np.float64(loss.margin / loss.lam), np.float64(loss.q)
    return _margin_link(g, scores, margins, q, n_classes)


def _aldr_kl(g, loss, scores, n_classes):
    """Return the link of LDR-KL with q t / lam at the temperature t of each row."""
    scores = _normalized(g, loss, scores)
    t = temperatures(g, loss, scores, n_classes)
    margins, q = g("Div", np.float64(loss.margin), t), g("Mul", np.float64(loss.q / loss.lam), t)
    return _margin_link(g, g("Div", scores, t), margins, q, n_classes)


def _ldam(g, loss, scores, n_classes):
    """Return q_j proportional to p_j (a_j - (a_j - 1) p_j) / a_j."""
    import torch

    margins = torch.as_tensor(loss.margins(torch.zeros(1, n_classes, dtype=torch.float64)))
    return _margin_link(g, scores, margins.numpy(), np.float64(0), n_classes)


def _taylor_scores(g, loss, scores, n_classes):
    """Return log(1 + f + f^2 / 2), written without cancellation."""
    u = g("Add", scores, np.float64(1))
    return g("Log", g("Div", g("Add", g("Mul", u, u), np.float64(1)), np.float64(2)))


def _taylor_softmax(g, loss, scores, n_classes):
    """Return 1 + f + f^2 / 2, normalised to sum to one."""
    return softmax(g, _taylor_scores(g, loss, scores, n_classes))


_LINKS = {
    **dict.fromkeys(
        ("comp_sum", "cross_entropy", "gce", "mae", "sum_exponential", "tgce"),
        _power(lambda loss: loss.order),
    ),
    "cost_sensitive_comp_sum": _power(lambda loss: loss.tau),
    "ldr_kl": _ldr_kl,
    "aldr_kl": _aldr_kl,
    "ldam": _ldam,
    "taylor_softmax": _taylor_softmax,
}
_COST_LINKS = {
    "cost_sensitive_comp_sum": _comp_sum_of_costs,
    "cost_sensitive_constrained": _constrained_of_costs,
}
_DECISION_SCORES = {"taylor_softmax": _taylor_scores}


def _margin_link(g, scores, margins, q, n_classes):
    """Return q_j proportional to p_j^(1 - q) r_j^(1 + q), r_j = 1 - p_j + p_j exp(-margin_j)."""
    one, p = np.float64(1), softmax(g, scores)
    kept = g("Exp", g("Neg", margins))
    log_r = g("Log", g("Add", _complement(g, p, n_classes), g("Mul", kept, p)))
    powers = g("Mul", g("Sub", one, q), scores), g("Mul", g("Add", one, q), log_r)
    return softmax(g, g("Add", *powers))


def _complement(g, p, n_classes):
    """Return 1 - p; that of the largest is the sum of the others, lest it round to zero."""
    is_top = g("Equal", g("ArgMax", p, axis=1, keepdims=1), np.arange(n_classes))
    others = row_sum(g, g("Where", is_top, np.float64(0), p))
    return g("Where", is_top, others, g("Sub", np.float64(1), p))


def _normalized(g, loss, scores):
    """Return the scores that the loss sees."""
    if loss.normalize is None:
        return scores
    if loss.normalize == "softplus":
        scores = _softplus(g, scores)
    mean = g("ReduceMean", g("Abs", scores), [1], keepdims=1)
    return g("Div", scores, g("Max", mean, np.finfo(np.float64).tiny))


def _softplus(g, scores):
    """Return max(f, 0) + log(1 + exp(-|f|)): runtimes lack Softplus in float64."""
    u = g("Exp", g("Neg", g("Abs", scores)))
    return g("Add", g("Max", scores, np.float64(0)), _log1p(g, u))


def _log1p(g, u):
    """Return log(1 + u) for small u too: the quotient makes up for the rounding of 1 + u."""
    one = np.float64(1)
    rounded = g("Add", one, u)
    exact = g("Div", g("Mul", g("Log", rounded), u), g("Sub", rounded, one))
    return g("Where", g("Equal", rounded, one), u, exact)
