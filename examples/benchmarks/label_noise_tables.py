"""Tables of the label-noise benchmark, from the lines of its file alone."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata, studentized_range, wilcoxon

KS = (1, 2, 3, 4, 5)
ACCURACIES = tuple(f"top_{k}" for k in KS)
SIGNS = ("auroc_p_y", "auroc_loss", "auroc_temperature")
CALIBRATION = ("ece", "brier", "log_loss")
CELL = ["dataset", "noise", "level", "method"]
SETTING = CELL[:3]
DEFAULTS = ("LDRClassifier", "MLPClassifier", "LogisticRegression")
ONE_STEP = "one_step_aldr_kl"


def report(path):
    """Give all tables as Markdown."""
    frame = chosen(pd.read_csv(path))
    losses = frame[~frame["method"].isin([*DEFAULTS, ONE_STEP])]
    sections = {
        "Average rank over the noisy settings (1 is best)": average_ranks(losses),
        "ALDR-KL against each other loss, noisy settings": paired_tests(losses),
        "Exact temperature less one step for each visit, mean accuracy": exact_less_one_step(frame),
        "Flipped labels found among held-out rows, AUROC": flips_found(losses),
        "Calibration on clean test labels": calibration(frame),
        "LDRClassifier's defaults less those of scikit-learn": defaults_compared(frame),
        "Top-1 accuracy, mean ± standard deviation over folds": accuracies(frame, "top_1"),
        "Top-5 accuracy, mean ± standard deviation over folds": accuracies(frame, "top_5"),
    }
    return "\n\n".join(f"## {title}\n\n{markdown(table)}" for title, table in sections.items())


def chosen(frame):
    """Keep the lines of the configuration that was trained on most folds, the best of those."""
    rounds = frame.groupby([*CELL, "config"])["valid_score"].agg(["size", "mean"]).reset_index()
    best = rounds.sort_values(["size", "mean"]).groupby(CELL).tail(1)
    return frame.merge(best[[*CELL, "config"]])


def noisy(frame, accuracy="top_2"):
    """Keep the settings with noise in which an accuracy means something.

    Where half of a class gets another label, nothing tells which of the two comes first.
    """
    tied = (frame["noise"] == "class_dependent") & (frame["level"] == 0.5) & (accuracy == "top_1")
    return frame[(frame["noise"] != "clean") & ~tied]


def by_setting(frame, column):
    """Give the mean over folds: a row for each setting, a column for each method."""
    return frame.pivot_table(column, SETTING, "method", sort=False)


def average_ranks(frame):
    """Give the average rank of each method for each k, and the difference that counts."""
    means = {k: by_setting(noisy(frame, k), k) for k in ACCURACIES}
    ranks = {
        k: pd.Series(rankdata(-mean.round(6), axis=1).mean(axis=0), mean.columns)
        for k, mean in means.items()
    }
    table = pd.DataFrame(ranks).sort_values("top_1")
    table.loc["Nemenyi difference, 5 %"] = [
        nemenyi_difference(*mean.shape) for mean in means.values()
    ]
    return table.round(2)


def nemenyi_difference(n_settings, n_methods, level=0.05):
    """Give the least difference of average ranks that the Nemenyi test finds significant.

    ``q sqrt(m (m + 1) / (6 n))``, q the quantile of the studentized range over sqrt(2); Demsar,
    "Statistical comparisons of classifiers over multiple data sets", 2006.
    """
    q = studentized_range.ppf(1 - level, n_methods, np.inf) / np.sqrt(2)
    return q * np.sqrt(n_methods * (n_methods + 1) / (6 * n_settings))


def paired_tests(frame):
    """Give the mean difference of ALDR-KL to each loss and the p-value of Wilcoxon's test."""
    columns = {}
    for k in ("top_1", "top_5"):
        mean = by_setting(noisy(frame, k), k)
        gains = -mean.drop(columns="aldr_kl").sub(mean["aldr_kl"], axis=0)
        columns[f"{k} gain"] = gains.mean().round(4)
        columns[f"{k} p-value"] = gains.apply(
            lambda gain: wilcoxon(gain, zero_method="zsplit").pvalue
        ).round(4)
    return pd.DataFrame(columns).sort_values("top_1 gain")


def exact_less_one_step(frame):
    """Give the gain of the exact temperature in each data set, and its standard error."""
    rows = {}
    for k in ("top_1", "top_5"):
        mean = by_setting(frame, k)
        gain = (mean["aldr_kl"] - mean[ONE_STEP]).groupby("dataset", sort=False)
        rows[f"{k} gain"], rows[f"{k} standard error"] = gain.mean(), gain.sem()
    return pd.DataFrame(rows).round(4)


def flips_found(frame):
    """Give the AUROC of each sign of a flipped label, for each loss."""
    mean = noisy(frame).groupby(["noise", "method"])[list(SIGNS)].mean()
    return mean.unstack("noise").swaplevel(axis=1).sort_index(axis=1).round(3)


def calibration(frame):
    """Give the errors of the probabilities, without and with noise in training."""
    kind = np.where(frame["noise"] == "clean", "clean", "noisy")
    mean = frame.groupby(["method", kind])[list(CALIBRATION)].mean()
    return mean.unstack().sort_values(("log_loss", "clean")).round(3)


def defaults_compared(frame):
    """Give the gain of LDRClassifier's defaults in each data set, over the same folds.

    The last column is the least ratio, over settings, of the gain to its standard error.
    """
    tables = [gains_over(frame, other) for other in DEFAULTS[1:]]
    return pd.concat(tables, keys=DEFAULTS[1:], names=["less"]).round(4)


def gains_over(frame, other):
    """Give the gains over one other classifier; top-2 where top-1 has no answer."""
    column = np.where(
        (frame["noise"] == "class_dependent") & (frame["level"] == 0.5),
        frame["top_2"],
        frame["top_1"],
    )
    folds = frame.assign(accuracy=column).pivot_table(
        "accuracy", [*SETTING, "fold"], "method", sort=False
    )
    gain = (folds[DEFAULTS[0]] - folds[other]).groupby(SETTING, sort=False).agg(["mean", "sem"])
    gain["ratio"] = gain["mean"] / gain["sem"]
    is_clean = gain.index.get_level_values("noise") == "clean"
    return pd.DataFrame(
        {
            "clean": gain.loc[is_clean, "mean"].groupby("dataset", sort=False).mean(),
            "noisy, mean": gain.loc[~is_clean, "mean"].groupby("dataset", sort=False).mean(),
            "worst ratio": gain["ratio"].groupby("dataset", sort=False).min(),
        }
    )


def accuracies(frame, column):
    """Give an accuracy of each method in each setting as text."""
    parts = frame.groupby(CELL, sort=False)[column].agg(["mean", "std"])
    text = parts.apply(lambda part: f"{part['mean']:.3f} ± {part['std']:.3f}", axis=1)
    return text.unstack("method", sort=False)


def markdown(table):
    """Write a table as Markdown, the levels of its index as columns of their own."""
    table = table.reset_index()
    names = [", ".join(str(part) for part in np.atleast_1d(name) if part) for name in table.columns]
    lines = [names, ["---"] * len(names), *table.astype(object).where(table.notna(), "").values]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
