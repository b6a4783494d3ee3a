"""The benchmark of promises: each arm runs, and the page says what the file says."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from tiny import EXPERTS, QUICK, labelled_rows

from sklearn_setpred import CardinalityAwareClassifier
from sklearn_setpred.datasets import make_confusable_classes

pd = pytest.importorskip("pandas")

ARMS = {
    "label_noise": {"as if clean", "corrected", "estimate"},
    "alone": {"tested", "probability above", "oracle"},
    "long_tail": {"power 0", "power 0.5", "power 1"},
    "few_rows": {"split", "cv=5", "cv=10"},
    "label_noise_data": {"clean", "as if clean", "corrected", "estimate"},
    "alone_data": {"tested", "probability above"},
    "long_tail_data": {f"power {power}" for power in ("0", "0.25", "0.5", "0.75", "1")},
    "few_rows_data": {"split", "cv=5", "cv=10"},
    "singletons_data": {"LAC", "RANK", "SAPS", "singleton"},
}


def quick_classifier(base, random_state):
    """Return our classifier with little training."""
    return CardinalityAwareClassifier(base, **QUICK | {"random_state": random_state})


def test_every_arm_runs_and_stands_on_the_page(benchmark, tmp_path, monkeypatch):
    promises = benchmark("promises")
    monkeypatch.setattr(promises, "N_TRAIN", 600)
    monkeypatch.setattr(promises, "TAILS", {"few classes": (8, 1.0)})
    monkeypatch.setattr(promises, "OVERLAPS", ((8, 3.0), (3, 1.0)))
    on_data = benchmark("promises_data")
    # scikit-learn's digits need no file.
    monkeypatch.setattr(on_data, "NOISY", ["digits"])
    monkeypatch.setattr(on_data, "DECIDED", {"digits": 0.9})
    monkeypatch.setattr(on_data, "TAILS", ["digits", "digits, long-tailed"])
    monkeypatch.setattr(on_data, "FEW", {"digits": 200})
    monkeypatch.setattr(on_data, "SINGLE", ["digits"])
    monkeypatch.setattr(on_data, "CardinalityAwareClassifier", quick_classifier)
    monkeypatch.setattr(on_data, "_PENALTIES", [0.01, 0.1])
    monkeypatch.setattr("sklearn_setpred.estimators._targets.ROWS_TO_ESTIMATE", 400)
    benchmark("set_size_problems").pooled_rows.cache_clear()
    on_data.best_penalty.cache_clear()
    csv, page = tmp_path / "promises.csv", tmp_path / "promises.md"
    options = ["--repetitions", "1", "--test", "50", "--csv", str(csv), "--docs", str(page)]
    promises.main(options)
    table = pd.read_csv(csv)
    for promise, arms in ARMS.items():
        lines = table[table["promise"] == promise]
        assert set(lines["arm"]) == arms
        assert (lines["repetitions"] == (4 if promise == "alone_data" else 1)).all()
    first = table.iloc[0]
    cells = f"| {first['problem']} | {first['arm']} | {first['coverage']:.3f} |"
    assert cells in page.read_text(encoding="utf-8")
    assert table["warned"].max() > 0  # classes that overlap
    promises.main([*options, "--only", "few_rows", "alone_data"])
    assert len(pd.read_csv(csv)) == len(table)


def test_the_tail_falls_off_to_a_hundredth_and_its_test_rows_weigh_as_much(benchmark):
    on_data = benchmark("promises_data")
    _, y, _, y_calibration, _, y_test, weight = on_data.tail_rows("digits, long-tailed", 0)
    counts, of_calibration = np.bincount(y), np.bincount(y_calibration, minlength=10)
    assert counts.max() > 50 * counts.min() > 0
    frequency = np.array([weight[y_test == code][0] for code in range(10)])
    np.testing.assert_array_equal(np.argsort(frequency), np.argsort(counts))
    np.testing.assert_allclose(of_calibration, frequency * 22.5, atol=2)
    assert np.bincount(y_test).min() > 15


# ---------------------------------------------------------------------------------- rules


def test_the_rule_with_the_cost_singleton_has_the_levels_of_our_classifier(benchmark):
    X, y = labelled_rows()
    model = CardinalityAwareClassifier(GaussianNB(), size_cost="singleton", **EXPERTS).fit(X, y)
    p = model.predict_proba(X)
    both = benchmark("set_size_rules").with_cost_levels(p, "singleton")
    np.testing.assert_allclose(both[:, :4], p)
    np.testing.assert_allclose(both[:, 4:], model.set_levels(X), rtol=1e-5, atol=1e-7)


def test_rank_sets_hold_k_labels_or_one_more_where_it_is_likely(benchmark):
    p = np.array([[0.5, 0.3, 0.2], [0.6, 0.36, 0.04], [0.4, 0.35, 0.25]])
    levels = benchmark("set_size_rules").with_rank_levels(p)[:, 3:]
    assert (levels >= -1.66).sum(axis=1).tolist() == [1, 2, 2]
    assert (levels >= -2.79).sum(axis=1).tolist() == [2, 2, 3]


def test_saps_scores_are_those_of_the_paper(benchmark):
    p, u = np.array([[0.2, 0.7, 0.1]]), np.random.default_rng(0).random()
    rng = np.random.default_rng(0)
    levels = benchmark("set_size_rules").with_saps_levels(p, 0.05, rng)[0, 3:]
    np.testing.assert_allclose(-levels, [0.7 + 0.05 * u, 0.7 * u, 0.7 + 0.05 * (1 + u)])


def test_rules_are_calibrated_and_the_singleton_rule_leaves_more_labels_alone(benchmark):
    answers, rules = benchmark("set_size_answers"), benchmark("set_size_rules")
    X, y, _, gaussians = make_confusable_classes(
        1000, 10, 6, class_sep=2, return_problem=True, random_state=0
    )
    fitted = LogisticRegression(max_iter=1000).fit(X, y)
    X, y = gaussians.sample(8000, random_state=1)
    p = fitted.predict_proba(X)
    of_base = answers.Answers(p[:3000], p[3000:], np.arange(10), 0.0, 0.0)
    sets = {
        "LAC": answers.calibrated(of_base, y[:3000], 0.9),
        "singleton": answers.calibrated(
            of_base.map(lambda p: rules.with_cost_levels(p, "singleton")), y[:3000], 0.9
        ),
        "RANK": answers.calibrated(of_base.map(rules.with_rank_levels), y[:3000], 0.9),
        "SAPS": rules.saps_sets(of_base, y[:3000], 0.9, 0),
    }
    for found in sets.values():
        assert abs(found[np.arange(5000), y[3000:]].mean() - 0.9) < 0.03
    alone = {name: (found.sum(axis=1) == 1).mean() for name, found in sets.items()}
    assert alone["singleton"] > alone["LAC"] + 0.02
    assert alone["singleton"] > max(alone["RANK"], alone["SAPS"])
