"""Initial: the networks that many stocks have taught, with which the training on one of them begins.

They are tuned on the ticker's training part, and the tuned ones take their place where the validation part says, beyond
luck, that they are better; else they stay as they are. What is scored begins with networks that saw nothing of the
validation part, what is served with the newest that saw nothing after the history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from stockcast.config import NetworkConfig, TrainConfig, TrainingConfig
from stockcast.config.models import GENERAL, SCRATCH, TUNING
from stockcast.errors import ConfigError, ModelError
from stockcast.evaluation.serving import InitialResult
from stockcast.forecasting import Fit, TrainedModel, seen_by
from stockcast.pipeline.markets import ELSEWHERE, MarketSource, at_exchange, is_unlike
from stockcast.pipeline.models import model_of
from stockcast.pipeline.source import PROVIDER, PriceSource
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.covariates import MARKET
from stockcast.windows.splits import Part

if TYPE_CHECKING:
    from stockcast.models.cells import NetworkWeights
    from stockcast.models.ensemble import EarlyStopping, Ensemble
    from stockcast.models.problem import Series, Store
    from stockcast.prices.history import History
    from stockcast.prices.sessions import SessionCalendar
    from stockcast.progress import Progress
    from stockcast.windows.features import Features
    from stockcast.windows.market import Market

_TEACHING = 0.75
"""Share of the training part that teaches; the rest of it stops the tuning."""

SIGNIFICANT = 0.02
"""One-sided p-value of the tuned networks against the untuned ones, below which they take their place.

Stricter than a verdict's 5 %: of twenty stocks with nothing to teach, one would be tuned by luck, and be worse off.
"""


@dataclass(frozen=True)
class TrainingResult:
    """What the training parts taught: the networks, and how validation chose them.

    init: what they were before, and whether they stayed as they were; None for a start from scratch.
    """

    network: Ensemble
    chosen: EarlyStopping
    init: InitialResult | None = None


@dataclass(frozen=True)
class Scratch:
    """Networks that are drawn from the seed, or go on from those of the fold before, as `Initial` is for others.

    weights: what a training begins with; final: what a final fit does. None: drawn from the seed. store: where the
    columns of the series are kept meanwhile; None: in memory.
    """

    weights: NetworkWeights | None = None
    final: NetworkWeights | None = None
    store: Store | None = field(default=None, kw_only=True)

    proven: ClassVar[bool] = False
    unlike: ClassVar[bool] = False
    market: ClassVar[Market | None] = None
    members: ClassVar[tuple[str, ...]] = ()
    without_market: ClassVar[Mapping[str, Ensemble]] = {}

    @property
    def name(self) -> str:
        """What the networks are initialised from."""
        return SCRATCH if self.weights is None else "the fold before"

    def seen(self, f: Features, calendar: SessionCalendar) -> Features | None:  # noqa: ARG002 - as `Initial.seen`
        """Nothing says what they look at: that is the caller's to choose."""
        return None

    def doing(self, config: TrainConfig) -> str:
        """What is done in a training."""
        return f"training {config.network.cell}"

    def learn(self, series: Sequence[Series], config: TrainConfig, progress: Progress) -> TrainingResult:
        """Train on the training parts, stopped by the validation parts. Raises what `models.training.learn` raises."""
        from stockcast.models.training import learn

        network, chosen = learn(series, config, progress, self.weights, store=self.store)
        return TrainingResult(with_layer(network, series), chosen)

    def learn_again(
        self, series: Sequence[Series], config: TrainConfig, learned: TrainingResult, progress: Progress
    ) -> Ensemble:
        """Everything once more, with the steps that validation chose."""
        from stockcast.models.training import relearn

        return with_layer(relearn(series, config, learned.chosen, progress, self.final, store=self.store), series)


@dataclass(frozen=True)
class Initial:
    """Networks to begin with. pre_validation: of the training part at most; served: of nothing after the history.

    Each comes with the id of the model that it is from. taught: many stocks have taught them, and were forecast better
    than by the baselines; unlike: the series is none of their kind. market: what they look at of other stocks, which
    are its members; without_market: the networks that do without, for origins whose market is not known, by the fit
    that they are for.
    """

    name: str
    pre_validation: Ensemble
    young_id: str
    served: Ensemble
    served_id: str
    taught: bool
    market: Market | None = None
    members: tuple[str, ...] = ()
    without_market: Mapping[str, Ensemble] = field(default_factory=dict)
    unlike: bool = False

    @property
    def proven(self) -> bool:
        """Whether what they did on many stocks speaks for them on this series."""
        return self.taught and not self.unlike

    @classmethod
    def of(
        cls, config: TrainConfig, history: History, calendar: SessionCalendar, validate_from: date,
        model: TrainedModel | None, progress: Progress, home: Path | None = None,
    ) -> Initial | None:  # fmt: skip
        """What the configuration asks for; None where that is a start from scratch.

        model: what `model_to_begin_with` found. home: where the market's prices are that its networks look at; None:
        they look at no other stocks.

        Where nothing is asked for, it is the general model, and None where network or training are to be others than
        the usual ones, or where every vintage has seen the validation part.

        Raises ModelError where the model has seen the validation part.
        """
        if _is_from_scratch(config):
            return None
        if model is None:
            try:
                return cls._of_general(history, calendar, validate_from)
            except ModelError as error:
                if config.init is not None:
                    raise
                progress.note(f"{history.ticker}: trained from scratch, since {error.message}")
                return None
        unlike, model = is_unlike(model.calendar.exchange, calendar.exchange), at_exchange(model, calendar)
        model = replace(model, market=None) if home is None else _with_market(model, history, home, progress)
        return replace(cls._of_model(model, history, validate_from), unlike=unlike)

    @classmethod
    def _of_general(cls, history: History, calendar: SessionCalendar, validate_from: date) -> Initial:
        pre_validation = trainedmodel.general_model(date.fromordinal(validate_from.toordinal() - 1), history)
        served = trainedmodel.general_model(history.last, history)
        return cls(
            GENERAL, pre_validation.served.ensemble, pre_validation.model_id, served.served.ensemble, served.model_id,
            taught=True, unlike=is_unlike(served.calendar.exchange, calendar.exchange),
        )  # fmt: skip

    @classmethod
    def _of_model(cls, model: TrainedModel, history: History, validate_from: date) -> Initial:
        borders = validate_from, date.fromordinal(history.last.toordinal() + 1)
        without = [_latest(model, model.fits_without(MARKET), day) for day in borders]
        if not model.has_fallback or model.market is None or not model.market.reaches(history.last):
            return cls(model.name, without[0], model.model_id, without[1], model.model_id, model.is_proven)
        pre_validation, served = (_latest(model, model.fits_without(), day) for day in borders)
        fallback = dict(zip(("scored", "served"), without, strict=True))
        model_id = model.model_id
        found = pre_validation, model_id, served, model_id, model.is_proven
        return cls(model.name, *found, model.market, model.members, fallback)

    def configured(self, config: TrainConfig) -> TrainConfig:
        """The configuration with the networks' shape, and the settings of a tuning where none were asked for.

        Raises ConfigError where another shape or number of them was asked for.
        """
        usual, network = NetworkConfig(), self.pre_validation.config
        for name in ("cell", "hidden_size", "layers", "lookback"):
            asked, there = getattr(config.network, name), getattr(network, name)
            if asked not in {getattr(usual, name), there}:
                raise ConfigError(
                    f"{name.replace('_', ' ')} {asked} is not that of {self.name}, which has {there}",
                    f"leave it out, or train with --init {SCRATCH}",
                )
        training = config.training
        seeds = len(self.pre_validation.weights.readout_SHD)
        if training.seeds not in {TrainingConfig.seeds, seeds}:
            raise ConfigError(
                f"{training.seeds} seeds, and {self.name} has {seeds} networks",
                f"leave --seeds out, or train with --init {SCRATCH}",
            )
        if _is_usual_training(training):
            training = replace(TUNING, seed=training.seed, device=training.device, final_fit=training.final_fit)
        return replace(config, init=self.name, network=network, training=replace(training, seeds=seeds))

    def seen(self, f: Features, calendar: SessionCalendar) -> Features:
        """What the networks look at. Raises DataError where the history lacks a column."""
        return seen_by(self.pre_validation, f, calendar, self.market)

    def doing(self, config: TrainConfig) -> str:  # noqa: ARG002 - as `Scratch.doing`
        """What is done in a training."""
        return f"tuning {self.name}"

    def learn(self, series: Sequence[Series], config: TrainConfig, progress: Progress) -> TrainingResult:
        """The networks tuned on the training part of the one series, or as they are: what its validation part says."""
        from stockcast.evaluation.scores import crps
        from stockcast.evaluation.significance import diebold_mariano
        from stockcast.models.likelihood import spread_of
        from stockcast.models.problem import Preprocessing, Series
        from stockcast.models.training import learn

        (one,) = series
        f, choosing = one.load(), one.validation
        assert choosing is not None  # noqa: S101 - what is tuned is chosen
        spread_of(f.session_returns.r_T[one.train.start + 1 : one.train.stop + 1])
        cutoff: date = f.session_returns.dates[choosing.stop].astype(object)
        begin = with_layer(self.pre_validation, series)
        preprocessing = Preprocessing(begin.base, begin.standardiser, max(cutoff, begin.cutoff))
        teaching, stopping = _parts(one.train)
        tuned, chosen = learn([Series.of(f, teaching, stopping)], config, progress, begin.weights, preprocessing)
        tuned = replace(tuned, layer=begin.layer)
        y_N = f.session_returns.r_T[choosing.start + 1 : choosing.stop + 1]
        after_N, before_N = (
            crps(network.forecast(f, choosing.start, choosing.stop), y_N) for network in (tuned, begin)
        )
        p = diebold_mariano(after_N, before_N).p_value
        kept = not p < SIGNIFICANT
        init = InitialResult(
            self.name, self.young_id, self.served_id, kept, float(before_N.mean()), float(after_N.mean()), p
        )
        if kept:
            chosen = replace(chosen, steps=(0,) * len(chosen.steps))
            return TrainingResult(replace(begin, cutoff=preprocessing.cutoff), chosen, init)
        return TrainingResult(tuned, chosen, init)

    def learn_again(
        self, series: Sequence[Series], config: TrainConfig, learned: TrainingResult, progress: Progress
    ) -> Ensemble:
        """The networks that are served: the newest, tuned on everything as validation chose, or as they are."""
        from stockcast.models.problem import Preprocessing
        from stockcast.models.training import relearn

        (one,) = series
        last: date = one.load().session_returns.dates[one.last].astype(object)
        cutoff = max(last, self.served.cutoff)
        if learned.init is not None and learned.init.kept:
            # Baselines and the bars to draw from, which it is served with, have seen the whole history.
            return replace(with_layer(self.served, series), cutoff=cutoff)
        preprocessing = Preprocessing(self.served.base, self.served.standardiser, cutoff)
        network = relearn(series, config, learned.chosen, progress, self.served.weights, preprocessing)
        return replace(network, layer=with_layer(self.served, series).layer)


def model_to_begin_with(config: TrainConfig, home: Path, progress: Progress) -> TrainedModel | None:
    """The saved model whose networks a training begins with; None: the general model, or a start from scratch.

    Args:
        config: What was asked for.
        home: The folder of models, which nothing else of a start reads.
        progress: Who is told what is to be known of the model.

    Raises:
        ModelError: It is missing or damaged.
        ConfigError: Its networks look at covariates, or covariates were asked for, too.
    """
    if _is_from_scratch(config):
        return None
    if config.covariates:
        raise ConfigError(
            f"--init {config.init}: networks that know nothing of the covariates cannot be begun with",
            "leave --init out: a model with covariates is trained from scratch",
        )
    name = config.init or GENERAL
    if name == GENERAL and trainedmodel.is_shipped() and not modelfile.model_exists(home / "models", name):
        return None
    model = model_of(home, name, progress)
    if model.covariates is not None:
        raise ConfigError(
            f"--init {name}: a training cannot begin with networks that look at covariates",
            f"begin with --init {GENERAL} or --init {SCRATCH}",
        )
    return model


def _is_from_scratch(config: TrainConfig) -> bool:
    return config.init == SCRATCH or (config.init is None and not (is_usual(config) and trainedmodel.is_shipped()))


_LAYER_ROWS = 500_000
"""Origins that an event layer is fitted on, the newest of each series: three coefficients ask for no more."""


def with_layer(network: Ensemble, series: Sequence[Series]) -> Ensemble:
    """The networks with an event layer, fitted on the training parts; as they are where they have one, or no dates."""
    from stockcast.models.eventlayer import USUAL, USUAL_OF_CLOSES, fit_layer
    from stockcast.models.likelihood import trading

    if network.layer is not None:
        return network
    parts, usual, most = [], USUAL, max(_LAYER_ROWS // len(series), 1)
    for one in series:
        f, stop = one.load(), one.train.stop
        start = max(one.train.start, stop - most)
        if f.events is not None:
            usual = USUAL_OF_CLOSES if f.session_returns.gap_T is None else usual
            y_N = f.session_returns.r_T[start + 1 : stop + 1]
            moving_N, dist = trading(y_N), network.roughly(f, start, stop)
            parts.append((dist[moving_N], f.events.rows(start, stop).take(moving_N), y_N[moving_N]))
    return replace(network, layer=fit_layer(parts, usual))


def _with_market(model: TrainedModel, history: History, home: Path, progress: Progress) -> TrainedModel:
    """The model with a market that reaches the history's end, of stored members after its own; for a file as it is."""
    if model.market is not None and history.source == PROVIDER:
        return MarketSource(PriceSource(home)).reaching(model, history, True, progress)
    if model.has_fallback and not (model.market is not None and model.market.reaches(history.last)):
        why = f"Train {model.name} again on prices up to then." if model.market is not None else ELSEWHERE
        progress.note(
            f"{history.ticker}: the market of {history.last} is not known, and the training is initialised from the "
            f"network of {model.name} that does without one. {why}"
        )
    return model


def _latest(model: TrainedModel, fits: Sequence[Fit], before: date) -> Ensemble:
    """The network of the latest fit whose cutoff lies before that day. Raises ModelError where there is none."""
    known = [fit for fit in fits if fit.cutoff < before]
    if not known:
        raise ModelError(
            f"model {model.name} was trained on sessions up to {fits[0].cutoff}: a training whose validation "
            f"part begins on {before} cannot begin with it",
            f"train {model.name} with --test-from {before} or earlier, validate from a later day on, or begin "
            f"with --init {GENERAL} or --init {SCRATCH}",
        )
    return known[-1].ensemble


def _parts(train: Part) -> tuple[Part, Part]:
    """What teaches, and what says when to stop: the validation part is to judge, and may not have chosen what it
    judges.
    """
    border = train.start + int(_TEACHING * len(train))
    return Part(train.start, border), Part(border, train.stop)


def is_usual(config: TrainConfig) -> bool:
    """Whether neither covariates nor another network nor other settings of the training are asked for."""
    return not config.covariates and config.network == NetworkConfig() and _is_usual_training(config.training)


def _is_usual_training(training: TrainingConfig) -> bool:
    """Whether nothing was asked for but chance, the device, and whether to fit again."""
    usual = TrainingConfig()
    return replace(training, seed=usual.seed, device=usual.device, final_fit=usual.final_fit) == usual
