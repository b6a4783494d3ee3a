"""Tables of the benchmark of strong peers, from its lines alone.

A case is a data set and a level. The best peer is chosen in hindsight: the one against which the
other method is worst. A case is counted if the best peer's sets have at least 1.05 labels, top-1
label added: in the others one label suffices. Ratios are averaged as logarithms, over splits and
cases.
"""

import numpy as np
import pandas as pd
from set_size_problems import KINDS
from set_size_tables import COUNTED, covering, geometric_mean, headed
from strong_peers_methods import AROUND, PEERS

CASE = ["data", "value"]
OURS, EARLIER = "ours", "ours, earlier"
DONE, TOO_LONG = "done", "too long"
CLOCK = "catboost"
FIGURES = ["best_peer", "its_size", "size", "ratio", "standard_error", "splits", "counted"]
# No counted case is to be above this by more than two standard errors.
LIMIT = 1.05

PROTOCOL = """\
# Set sizes against the strongest peers

Written by `examples/benchmarks/strong_peers.py --tables --docs` from its CSV files.

The peers are the classifiers that a user could pick instead of ours, each with settings that its
authors or the documentation advise (`strong_peers_methods.py` names the sources). Splits are those
of [set sizes](set_size.md): at most 3,000 training, 2,000 calibration and 4,000 test rows (1/2, 1/4
and 1/4 of smaller sets), drawn at random up to five times. Around a peer the sets are LAC's, all
labels whose probability is above a threshold; the threshold is calibrated by
`CoverageSetClassifier` on the same rows for all methods. "ours" is `CardinalityAwareClassifier()`,
"ours, earlier" the same call on the day when this benchmark was begun, "ours_forest" is
`CardinalityAwareClassifier(forest)`. The top-1 label is added to every set.

A case is a data set and a level. It is counted if the best peer's sets have at least 1.05 labels;
in the others one label suffices, and no mean has them. Ratios are geometric means over cases.
`above_1_by_two_se` counts the cases whose ratio is above 1 by more than two standard errors over
the splits, `above_1.05_by_two_se` those above 1.05.

The best peer is chosen in hindsight for each data set and level, which no user can do. All fits run
on one thread; one that needs more than 300 seconds of CPU is not finished and named below, and so
is a method that raised an error. Log-losses have a floor of 1e-10 under the probabilities. The
sparse rows of news20 are left out: half of the peers read dense rows only.

The runs are not complete. All five splits have been run with ours, forests, extra trees and
logistic regression, and on tables with LightGBM, CatBoost, XGBoost and histogram boosting; RealMLP
on three of them. On embeddings LightGBM and RealMLP have been run in part, the other boosters not;
on wide rows none of these. TabM took longer than the limit on letter and pendigits and has not been
run on others, RealMLP bagged not at all. Ours around a forest, LightGBM and CatBoost have been run
on the first split of the tables. Several runs shared the machine: seconds of CPU are a third too
high at times, for every method, and up to twice too high for ours around others. In one run of ours
and CatBoost alone, on the first split of the nine tables, ours took 2.24 times CatBoost's seconds;
without yeast, where CatBoost stops after .9 seconds, 1.83 times.

![For each data set, our set size as a multiple of that of the best peer in hindsight; nearly all
points lie at or left of the line at 1](images/strong_peers.png)

## Tables
"""


def read(path, earlier):
    """Return the lines of the file, and beside them the earlier ones under their name."""
    parts = [pd.read_csv(path)] if path.exists() else []
    if earlier.exists():
        lines = pd.read_csv(earlier)
        parts.append(lines[lines["method"] == OURS].assign(method=EARLIER))
    return pd.concat(parts, ignore_index=True)


def report(lines):
    """Return all tables as Markdown."""
    sizes = sizes_by_split(lines)
    named = {}
    for method in [m for m in (OURS, EARLIER) if m in sizes]:
        named |= tables_against_peers(against_best(sizes, method, PEERS), method)
    if {OURS, EARLIER} <= {*sizes}:
        title = f"ours against {EARLIER}"
        named |= {title: by_kind(against_best(sizes, OURS, [EARLIER]))}
    named |= {
        "Ours around a peer against LAC around the same": around_peers(lines, sizes),
        f"CPU seconds of a fit and of all test rows; fits as a ratio to {CLOCK}'s": seconds(lines),
        "Mean sizes of the peers and of ours": mean_sizes(lines, sizes, [*PEERS, EARLIER, OURS]),
        "Mean sizes of ours around a peer": mean_sizes(lines, sizes, AROUND),
        "Log-loss on the test rows": by_data(lines, "log_loss"),
        "Fits that have no result": unfinished(lines),
    }
    shown = {title: table for title, table in named.items() if table.shape[1]}
    return "\n".join([PROTOCOL, *headed(shown)])


def tables_against_peers(cases, method):
    """Return the tables of a method against the best peer, by title."""
    return {
        f"{method} against the best peer in hindsight": by_kind(cases),
        f"{method} against the best peer in hindsight, case by case": cases,
        f"{method}: all losses": cases[cases["ratio"] > 1].sort_values("ratio"),
    }


def sizes_by_split(lines):
    """Return the mean sizes: a row per case and split, a column per method."""
    found = covering(lines[lines["status"] == DONE])
    return found.pivot(index=[*CASE, "split"], columns="method", values="size")


# ------------------------------------------------------------------------------- ratios


def against_best(sizes, method, peers):
    """Return a row per case: the peer against which the method is worst, and by how much.

    Each peer is compared on the splits that both have.
    """
    logs = np.log(sizes.reindex(columns=peers)).rsub(np.log(sizes[method]), axis=0)
    means = logs.groupby(CASE).mean().dropna(how="all")
    rows = [
        (*case, *compared(sizes.loc[case], logs.loc[case], method, peer))
        for case, peer in means.idxmax(axis=1).items()
    ]
    return pd.DataFrame(rows, columns=[*CASE, *FIGURES]).astype({"counted": bool}).set_index(CASE)


def compared(sizes, logs, method, peer):
    """Return the figures of one case, in their order."""
    log_ratio = logs[peer].dropna()
    common, ratio = sizes.loc[log_ratio.index], np.exp(log_ratio.mean())
    its_size, size = common[peer].mean(), common[method].mean()
    error = ratio * log_ratio.sem()
    return peer, its_size, size, ratio, error, len(common), its_size >= COUNTED


def by_kind(cases):
    """Return the geometric mean of the ratios in counted cases, over all and by kind of data."""
    counted = cases[cases["counted"]]
    kind = counted.index.get_level_values("data").map(KINDS)
    parts = {"all": counted} | dict(list(counted.groupby(kind)))
    return table_of({name: overall(part) for name, part in parts.items() if len(part)}, "data")


def overall(part):
    """Return the geometric mean of some cases, the worst, and how many are clearly above."""
    low = part["ratio"] - 2 * part["standard_error"]
    above = {f"above_{limit}_by_two_se": int((low > limit).sum()) for limit in (1, LIMIT)}
    ratio, worst = geometric_mean(part["ratio"]), part["ratio"].max()
    return {"cases": len(part), "ratio": ratio, "worst": worst, **above}


def around_peers(lines, sizes):
    """Return for each peer the ratios of ours around it to LAC around it, in counted cases."""
    cpu, rows = by_data(lines, "fit_cpu"), {}
    for peer, ours in zip(PEERS, AROUND, strict=True):
        if {peer, ours} <= {*sizes}:
            cases = against_best(sizes, ours, [peer])
            clock = {"fit_ratio": geometric_mean(cpu[ours] / cpu[peer])}
            rows[peer] = overall(cases[cases["counted"]]) | clock
    return table_of(rows, "peer")


def table_of(rows, name):
    """Return a table of rows by what they are called."""
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(name)


# -------------------------------------------------------------------- seconds, log-loss


def by_data(lines, figure):
    """Return the mean of a figure: a row per data set, a column per method."""
    rows = lines[lines["status"] == DONE]
    return rows.groupby(["data", "method"])[figure].mean().unstack("method")


def seconds(lines):
    """Return the CPU seconds of each method: geometric mean of fits, mean of predictions."""
    fit = by_data(lines, "fit_cpu")
    table = pd.DataFrame(
        {
            "data_sets": fit.count(),
            "fit": geometric_mean(fit),
            "longest_fit": fit.max(),
            "predict": by_data(lines, "predict_cpu").mean(),
        }
    )
    if CLOCK in fit:
        table["fit_ratio"] = geometric_mean(fit.div(fit[CLOCK], axis=0))
    return table.sort_values("fit")


def mean_sizes(lines, sizes, methods):
    """Return the mean sizes over the splits; where there are none, what happened."""
    means = sizes.groupby(CASE).mean().reindex(columns=[m for m in methods if m in sizes])
    status = lines.groupby([*CASE, "method"])["status"].first().unstack("method")
    return means.astype(object).where(means.notna(), status.reindex_like(means))


def unfinished(lines):
    """Return the methods that have no result on a data set, and why."""
    rows = lines[lines["status"] != DONE].drop_duplicates(["data", "method", "split"])
    return rows.groupby(["data", "method", "status"]).size().rename("splits").to_frame()
