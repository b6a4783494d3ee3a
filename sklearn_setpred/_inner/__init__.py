"""What comes from outside: classifiers that are not ours, and the columns of X.

`fitting.fit_classifier` and `reading.read_probabilities` are the only ways in which an estimator of
this package fits and reads the classifier inside. `columns.fit_reader` returns what makes numbers
of X for the built-in experts; `cells` reads single columns and cells for it.
"""
