"""Classifiers inside ours: how they are checked, fitted and read."""

from typing import Any, Self

from sklearn.base import MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import _BaseComposition

from sklearn_setpred._inner.fitting import fit_keyword, is_frozen
from sklearn_setpred._utils.types import Labels
from sklearn_setpred._utils.validation import weight_for_others
from sklearn_setpred._utils.warn import warn_user


class WrappingMixin(MetaEstimatorMixin):
    """A classifier around another one, ``estimator``; None means the built-in network.

    X reaches the inner estimator unchanged, and the inner estimator checks it.
    """

    _reads_tables = False  # whether, without an inner estimator, X may have gaps and texts

    def _inner(self):
        """Return the estimator inside, not yet fitted; raise if its classes cannot be ranked."""
        if self.estimator is None:
            from sklearn_setpred.estimators._neural import NeuralClassifier

            # Deterministic where there is no random_state to ask for something else.
            return NeuralClassifier(random_state=getattr(self, "random_state", 0))
        check_ranks(self.estimator, "estimator=")
        return self.estimator

    def _inner_fit_params(self, inner, sample_weight, groups=None, **fit_params):
        """Return the keywords of the inner estimator's fit.

        Under metadata routing, the keywords that it requests. Otherwise ``fit_params``, and the
        weights and groups where its fit takes them.
        """
        sample_weight = weight_for_others(sample_weight)
        given = {"sample_weight": sample_weight, "groups": groups, **fit_params}
        given = {name: value for name, value in given.items() if value is not None}
        if not given or is_frozen(inner):
            return {}
        if _routing_enabled():
            return process_routing(self, "fit", **given)[self._routed_name(inner)].fit
        if "groups" in given and fit_keyword(inner, "groups") is not None:
            fit_params[fit_keyword(inner, "groups")] = groups
        if "sample_weight" in given:
            fit_params |= self._weight_params(inner, sample_weight)
        return fit_params

    def _check_fit_params(self, fit_params):
        """Raise if no single classifier inside could take keywords of ``fit``."""
        if fit_params and not _routing_enabled() and len(self._classifiers_inside()) != 1:
            raise ValueError(
                f"fit got {sorted(fit_params)}, which go to the one classifier inside, and "
                f"estimator={self.estimator!r} is not one; leave them out, or enable metadata "
                "routing and request them by set_fit_request."
            )

    def _weight_params(self, inner, sample_weight):
        """Return the weights under the inner estimator's keyword; tell if it has none."""
        name = fit_keyword(inner, "sample_weight")
        if name is not None:
            return {name: sample_weight}
        warn_user(
            f"{type(inner).__name__} takes no sample_weight; the weights reach only "
            f"{type(self).__name__}'s own part."
        )
        return {}

    def _routed(self):
        """Return the estimators that metadata is routed to, by the names of the routing."""
        return {"estimator": self._inner()}

    def _routed_name(self, inner):
        """Return the name by which metadata is routed to an estimator inside."""
        return next((name for name, one in self._routed().items() if one is inner), "estimator")

    def get_metadata_routing(self) -> Any:
        """Return the routing of metadata: ``fit`` hands on what an estimator inside requests.

        Returns
        -------
        MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(**self._routed(), method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inside = [get_tags(one).input_tags for one in self._classifiers_inside()]
        if not inside:
            tags.input_tags.sparse = True
            tags.input_tags.allow_nan = tags.input_tags.string = self._reads_tables
            return tags
        tags.input_tags = inside[0]
        tags.input_tags.sparse = all(one.sparse for one in inside)
        tags.input_tags.allow_nan = all(one.allow_nan for one in inside)
        return tags

    def _classifiers_inside(self):
        """Return the user's classifiers; none where the built-in ones stand in."""
        return [] if self.estimator is None else [self.estimator]

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X, where the inner estimator knows it."""
        return self._reader_of_columns().n_features_in_

    @property
    def feature_names_in_(self) -> Labels:
        """Names of the columns of X, where the inner estimator knows them."""
        return self._reader_of_columns().feature_names_in_

    def _reader_of_columns(self):
        """Return the fitted estimator that knows the columns of X."""
        return self.estimator_


class WrappingSeveralMixin(WrappingMixin, _BaseComposition):
    """A classifier around another one, or around a list of (name, classifier) pairs."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with ``deep`` also parameters of the classifiers inside.

        Parameters
        ----------
        deep : bool, default=True
            Parameters of a single classifier are named ``estimator__...``, parameters of one of
            several ``name__...``.

        Returns
        -------
        dict
        """
        if isinstance(self.estimator, list):
            return self._get_params("estimator", deep=deep)
        return super().get_params(deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, of the classifiers inside too, by the names of ``get_params``.

        Parameters
        ----------
        **params
            Values by name.

        Returns
        -------
        self
        """
        self._set_params("estimator", **params)
        return self

    def _named_classifiers(self, taken):
        """Return the classifiers inside by name, "base" for a single one, none for None.

        Raises ValueError if one cannot rank, or has a name that is ``taken`` by a built-in expert.
        """
        if self.estimator is None:
            return {}
        if not isinstance(self.estimator, list):
            check_ranks(self.estimator, "estimator=")
            return {"base": self.estimator}
        named = check_pairs(self.estimator, taken)
        self._validate_names(list(named))
        return named

    def _classifiers_inside(self):
        if isinstance(self.estimator, list):
            return [classifier for _, classifier in self.estimator]
        return super()._classifiers_inside()

    def _routed(self):
        return dict(self.estimator) if isinstance(self.estimator, list) else super()._routed()

    def _reader_of_columns(self):
        """Return the object that knows the columns of X: the first classifier or `Columns`."""
        if self.estimator is None:
            return self.columns_
        return self.estimators_[0] if isinstance(self.estimator, list) else self.estimator_


def check_pairs(pairs, taken):
    """Return (name, classifier) pairs as a dict; raise ValueError for what cannot be an expert.

    Names that are ``taken`` belong to built-in experts.
    """
    if not pairs or not all(isinstance(p, tuple) and isinstance(p[0], str) for p in pairs):
        raise ValueError(
            f"estimator={pairs!r} holds no (name, classifier) pairs; give some, or None for the "
            "built-in experts."
        )
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"The names {names} of estimator are not unique; choose others.")
    if clashes := sorted(taken.intersection(names)):
        raise ValueError(f"estimator names {clashes} as built-in experts are named; choose others.")
    for name, classifier in pairs:
        check_ranks(classifier, f"estimator {name!r}: ")
    return dict(pairs)


def check_ranks(classifier, what):
    """Raise ValueError unless the classes of a classifier can be ranked."""
    if isinstance(classifier, type):
        name = classifier.__name__
        raise ValueError(f"{what}{name} is a class; give a classifier, such as {name}().")
    if not (hasattr(classifier, "predict_proba") or hasattr(classifier, "decision_function")):
        raise ValueError(
            f"{what}{classifier!r} has neither predict_proba nor decision_function, so its classes "
            "cannot be ranked; give a classifier with one of them."
        )
