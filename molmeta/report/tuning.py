"""The page of a search: its progress, which options matter, and the value of each."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import optuna
import yaml
from markupsafe import Markup

from molmeta.automl.study import FAILURE, judged
from molmeta.report.svg import inline
from molmeta.report.templating import asset, environment
from molmeta.runtime.outputs import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FEWEST = 4
"""Completed trials from which the importance of options can be estimated."""


def tuning_page(study: optuna.Study, recipe: Mapping[str, Any], output: Path) -> None:
    """Write one self-contained page.

    Args:
        study: with at least one completed trial.
        recipe: the best one.
        output: the HTML file.

    Raises:
        OutputError: the page cannot be written.
    """
    states = [trial.state.name.lower() for trial in judged(study)]
    page = (
        environment()
        .get_template("tuning.html.j2")
        .render(
            best=study.best_value,
            charts=[
                (title, inline(chart, title=title, key=f"c{number}"))
                for number, (title, chart) in enumerate(_charts(study))
            ],
            counts={state: states.count(state) for state in sorted(set(states))},
            failures=[
                (number, trial.user_attrs[FAILURE])
                for number, trial in enumerate(judged(study), 1)
                if FAILURE in trial.user_attrs
            ],
            name=study.study_name,
            recipe=yaml.safe_dump(dict(recipe), sort_keys=False),
            style=Markup(asset("hits.css")),
        )
    )
    write_text(output, page)


def _charts(study: optuna.Study) -> list[tuple[str, Any]]:
    numbered = [
        (number, trial)
        for number, trial in enumerate(judged(study), 1)
        if trial.state == optuna.trial.TrialState.COMPLETE
    ]
    complete = [trial for _, trial in numbered]
    best = np.maximum.accumulate(np.array([trial.value for trial in complete], np.float64))
    rows = [
        {"trial": number, "score": trial.value, "best": float(best)}
        for (number, trial), best in zip(numbered, best, strict=True)
    ]
    score = alt.Y("score:Q", title="validation \u0394AUPRC", scale=alt.Scale(zero=False))
    base = alt.Chart(alt.Data(values=rows)).properties(width=520, height=220)
    history = base.mark_point().encode(x="trial:Q", y=score) + base.mark_line(
        interpolate="step-after"
    ).encode(x="trial:Q", y="best:Q")
    charts: list[tuple[str, Any]] = [("Progress", history)]
    if len(complete) < FEWEST:
        return charts
    importance = _importances(study)
    bars = [{"option": name, "importance": value} for name, value in importance.items()]
    if bars:
        chart = alt.Chart(alt.Data(values=bars)).mark_bar().properties(width=520)
        order = alt.Y("option:N", sort="-x", title="")
        charts.append(("Importance of options", chart.encode(x="importance:Q", y=order)))
    for name in importance:
        points = [
            {"value": trial.params[name], "score": trial.value}
            for trial in complete
            if name in trial.params
        ]
        number = all(isinstance(p["value"], (int, float)) for p in points)
        if number:
            x = alt.X("value:Q", title=name, scale=alt.Scale(zero=False))
        else:
            x = alt.X("value:N", title=name)
        chart = alt.Chart(alt.Data(values=points)).mark_point().properties(width=520, height=220)
        charts.append((name, chart.encode(x=x, y=score)))
    return charts


def _importances(study: optuna.Study) -> dict[str, float]:
    try:
        with warnings.catch_warnings():
            # Few trials: the importances are then equal, which the chart shows.
            warnings.simplefilter("ignore", UserWarning)
            return optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError):
        # Equal scores, or a single value of every option.
        return {}
