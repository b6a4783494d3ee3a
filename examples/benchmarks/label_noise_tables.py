"""Tables of the label-noise benchmark, from the lines of its file alone."""

from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import rankdata, studentized_range, wilcoxon

KS = (1, 2, 3, 4, 5)
ACCURACIES = tuple(f"top_{k}" for k in KS)
SIGNS = ("auroc_p_y", "auroc_loss", "auroc_temperature")
CALIBRATION = ("ece", "brier", "log_loss")
CELL = ["dataset", "noise", "level", "method"]
SETTING = CELL[:3]
NOISE_ORDER = {"clean": 0, "uniform": 1, "class_dependent": 2}
# As they come; the first is compared with the others.
DEFAULTS = (
    *("LDRClassifier", "MLPClassifier", "LogisticRegression"),
    *("CleanLearning", "CleanLearning, unweighted"),
    *("mean of gce", "mean of sce", "mean of jensen_shannon"),
)
ONE_STEP = "one_step_aldr_kl"
# Compared with the others where they were trained.
OPTIONAL = [ONE_STEP, "CleanLearning", "CleanLearning, unweighted"]
OURS = ("aldr_kl", "ldr_kl")


def report(path):
    """Return all tables as Markdown."""
    all_folds = finished(chosen(pd.read_csv(path)))
    frame = in_shared_folds(all_folds)
    losses = frame[~frame["method"].isin([*DEFAULTS, ONE_STEP])]
    sections = {
        "Average rank over the noisy settings (1 is best)": compared_ranks(losses),
        "Average rank over all settings": average_ranks(settings_means(losses)).round(2),
        "ALDR-KL against each other loss, noisy settings": paired_tests(losses, "aldr_kl"),
        "LDR-KL against each other loss, noisy settings": paired_tests(losses, "ldr_kl"),
        "Behind GCE by more than two standard errors of the paired folds": behind_gce(all_folds),
        "LDRClassifier's defaults minus those of scikit-learn": defaults_compared(all_folds),
        "The same by setting, ± standard error of the paired folds": defaults_by_setting(all_folds),
        "Exact temperature minus one step at each visit, mean accuracy": exact_less_one_step(frame),
        "Wrong labels found among held-out rows, AUROC": flips_found(losses),
        "Calibration on clean test labels": calibration(frame[frame["method"] != ONE_STEP]),
    }
    sections |= {
        f"Top-{k} accuracy, mean ± standard deviation over folds": accuracies(frame, f"top_{k}")
        for k in KS
    }
    return "\n\n".join(f"## {title}\n\n{markdown(table)}" for title, table in sections.items())


def chosen(frame):
    """Keep the lines of the configuration that was trained on most folds, the best of those."""
    frame = frame.sort_values(SETTING, key=lambda column: column.replace(NOISE_ORDER))
    rounds = frame.groupby([*CELL, "config"])["valid_score"].agg(["size", "mean"]).reset_index()
    best = rounds.sort_values(["size", "mean"]).groupby(CELL).tail(1)
    return frame.merge(best[[*CELL, "config"]])


def finished(frame):
    """Keep the data sets for which every method has been trained on all its folds of all settings.

    But for the optional ones, which are compared where they were trained.
    """
    folds = frame.groupby(CELL).size().unstack("method").drop(columns=OPTIONAL, errors="ignore")
    settings = (folds == folds.max()).all(axis=1).groupby("dataset").agg(["all", "size"])
    is_finished = settings["all"] & (settings["size"] == settings["size"].max())
    return frame[frame["dataset"].map(is_finished)]


def in_shared_folds(frame):
    """Keep the folds that all methods were trained on: some go on to more."""
    methods = frame.groupby([*SETTING, "fold"])["method"].transform("nunique")
    return frame[methods == methods.groupby([frame[name] for name in SETTING]).transform("max")]


def meaningful(frame, accuracy="top_2"):
    """Keep the settings in which an accuracy means something."""
    return frame[~(is_tied(frame) & (accuracy == "top_1"))]


def noisy(frame, accuracy="top_2"):
    """Keep those of them that have noise."""
    return meaningful(frame, accuracy).query("noise != 'clean'")


def is_tied(frame):
    """Tell the lines where half of a class has another label: nothing says which comes first."""
    return (frame["noise"] == "class_dependent") & (frame["level"] == 0.5)


def by_setting(frame, column):
    """Return the mean over folds: a row for each setting, a column for each method."""
    return frame.pivot_table(column, SETTING, "method", sort=False)


def settings_means(frame, keep=meaningful):
    """Return for each k the accuracy of each method in each of the settings to keep."""
    return {k: by_setting(keep(frame, k), k) for k in ACCURACIES}


def average_ranks(means):
    """Return the average rank of each method for each k, from their accuracies by setting."""
    ranks = {
        k: pd.Series(rankdata(-mean.round(6), axis=1).mean(axis=0), mean.columns)
        for k, mean in means.items()
    }
    return pd.DataFrame(ranks).sort_values("top_1")


def compared_ranks(frame):
    """Return the average ranks, ours less that of the best baseline and of GCE, and what counts."""
    means = settings_means(frame, noisy)
    ranks = average_ranks(means)
    rivals = {"the best baseline": ranks.drop(index=list(OURS)).min(), "GCE": ranks.loc["gce"]}
    for ours, (rival, of_rival) in product(OURS, rivals.items()):
        ranks.loc[f"{ours} minus {rival}"] = ranks.loc[ours] - of_rival
    ranks.loc["Nemenyi difference, 5 %"] = [nemenyi_difference(*m.shape) for m in means.values()]
    return ranks.round(2)


def nemenyi_difference(n_settings, n_methods, level=0.05):
    """Return the least difference of average ranks that the Nemenyi test finds significant.

    ``q sqrt(m (m + 1) / (6 n))``, q the quantile of the studentized range over sqrt(2); Demsar,
    "Statistical comparisons of classifiers over multiple data sets", 2006.
    """
    q = studentized_range.ppf(1 - level, n_methods, np.inf) / np.sqrt(2)
    return q * np.sqrt(n_methods * (n_methods + 1) / (6 * n_settings))


def paired_tests(frame, ours):
    """Return the mean difference of a loss to each other and the p-value of Wilcoxon's test."""
    columns = {}
    for k, mean in settings_means(frame, noisy).items():
        gains = -mean.drop(columns=ours).sub(mean[ours], axis=0)
        columns[f"{k} gain"] = gains.mean().round(4)
        columns[f"{k} p-value"] = gains.apply(
            lambda gain: wilcoxon(gain, zero_method="zsplit").pvalue
        ).round(4)
    return pd.DataFrame(columns).sort_values("top_1 gain")


def behind_gce(frame):
    """Return for each of ours in how many settings it is behind GCE, and how many there are."""
    rows = {}
    for k in ACCURACIES:
        for ours in OURS:
            gain = paired_gains(meaningful(frame, k), ours, "gce", k)
            behind = is_behind(gain)
            rows.setdefault(ours, {})[k] = f"{behind.sum():.0f} of {behind.count()}"
    return pd.DataFrame(rows).T.rename_axis("loss")


def paired_gains(frame, ours, other, column):
    """Return mean and standard error of the gains of a method over another in each setting."""
    folds = frame.pivot_table(column, [*SETTING, "fold"], "method", sort=False)
    gain = folds[ours] - folds[other]
    return gain.groupby(SETTING, sort=False).agg(["mean", "sem"])


def is_behind(gain):
    """Tell the settings behind by more than two standard errors, NaN where one fold was run."""
    return (gain["mean"] < -2 * gain["sem"]).astype(float).where(gain["sem"].notna())


def exact_less_one_step(frame):
    """Return the gain of the exact temperature in each data set, and its standard error."""
    rows = {}
    for k, mean in settings_means(frame).items():
        gain = (mean["aldr_kl"] - mean[ONE_STEP]).dropna().groupby("dataset", sort=False)
        rows[f"{k} gain"], rows[f"{k} standard error"] = gain.mean(), gain.sem()
    return pd.DataFrame(rows).round(4)


def flips_found(frame):
    """Return the AUROC of each sign of a flipped label, for each loss."""
    mean = noisy(frame).groupby(["noise", "method"])[list(SIGNS)].mean()
    return mean.unstack("noise").swaplevel(axis=1).sort_index(axis=1).round(3)


def calibration(frame):
    """Return the errors of the probabilities, without and with noise in training."""
    kind = np.where(frame["noise"] == "clean", "clean", "noisy")
    mean = frame.groupby(["method", kind])[list(CALIBRATION)].mean()
    return mean.unstack().sort_values(("log_loss", "clean")).round(3)


def defaults_compared(frame):
    """Return the gain of LDRClassifier's defaults in each data set, over the same folds.

    The last columns are the least ratio, over settings, of the gain to its standard error, and the
    number of settings where it is below -2.
    """
    tables = {other: summarized(gains_over(frame, other)) for other in rivals(frame)}
    return pd.concat(tables, names=["minus"]).round(4)


def rivals(frame):
    """Return the classifiers with which LDRClassifier is compared."""
    return [name for name in DEFAULTS[1:] if name in set(frame["method"])]


def summarized(gain):
    """Return for each data set the gains on clean labels and under noise, and the worst ratio."""
    is_clean = gain.index.get_level_values("noise") == "clean"
    parts = {
        "clean": gain.loc[is_clean, "mean"],
        "noisy, mean": gain.loc[~is_clean, "mean"],
    }
    means = {name: part.groupby("dataset", sort=False).mean() for name, part in parts.items()}
    ratio = (gain["mean"] / gain["sem"]).groupby("dataset", sort=False).min()
    behind = is_behind(gain).groupby("dataset", sort=False).sum(min_count=1)
    return pd.DataFrame(means | {"worst ratio": ratio, "settings behind": behind})


def defaults_by_setting(frame):
    """Return the same gains in each setting as text, with their standard errors."""
    gains = {other: gains_over(frame, other) for other in rivals(frame)}
    texts = {
        other: gain.apply(lambda part: plus_minus(part["mean"], part["sem"], 4), axis=1)
        for other, gain in gains.items()
    }
    return pd.DataFrame(texts)


def gains_over(frame, other):
    """Return mean and standard error of the gains over one other classifier in each setting.

    Gains are of accuracy at top-1, and at top-2 where top-1 has no answer.
    """
    accuracy = np.where(is_tied(frame), frame["top_2"], frame["top_1"])
    return paired_gains(frame.assign(accuracy=accuracy), DEFAULTS[0], other, "accuracy")


def accuracies(frame, column):
    """Return an accuracy of each method in each setting as text."""
    parts = frame.groupby(CELL, sort=False)[column].agg(["mean", "std"])
    text = parts.apply(lambda part: plus_minus(part["mean"], part["std"], 3), axis=1)
    return text.unstack("method", sort=False)


def plus_minus(mean, spread, digits):
    """Return a figure and its spread as text, the figure alone where one fold was run."""
    return f"{mean:.{digits}f}" + ("" if np.isnan(spread) else f" ± {spread:.{digits}f}")


def markdown(table):
    """Write a table as Markdown, the levels of its index as columns of their own."""
    table = table.reset_index()
    names = [", ".join(str(part) for part in np.atleast_1d(name) if part) for name in table.columns]
    lines = [names, ["---"] * len(names), *table.astype(object).where(table.notna(), "").values]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
