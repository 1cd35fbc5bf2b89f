"""Draws the pictures of the documentation as SVG.

Coordinates are in pixels, chosen by hand; the points of the metric picture are drawn from a seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

ASSETS = Path(__file__).parents[1] / "docs" / "assets"
ACTIVE, INACTIVE, QUERY, INK, PALE = "#0f766e", "#b45309", "#1d4ed8", "#1b2430", "#eef2f6"
Point = tuple[float, float]


def text(at: Point, words: str, *, size: int = 14, color: str = INK) -> str:
    """Return a line of text, centred on a point."""
    x, y = at
    style = f'font-size="{size}" text-anchor="middle" fill="{color}"'
    return f'<text x="{x}" y="{y}" {style}>{words}</text>'


def box(at: Point, size: Point, words: str, *, fill: str = PALE) -> str:
    """Return a box with a line of text in each line of `words`."""
    (x, y), (w, h), lines = at, size, words.split("\n")
    first = y + h / 2 + 5 - 9 * (len(lines) - 1)
    rows = [text((x + w / 2, first + 18 * n), line) for n, line in enumerate(lines)]
    shape = f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6" fill="{fill}" stroke="{INK}"/>'
    return shape + "".join(rows)


def arrow(start: Point, end: Point, *, color: str = INK, dash: str = "") -> str:
    """Return an arrow."""
    (x1, y1), (x2, y2) = start, end
    style = f'stroke="{color}" stroke-width="1.8" stroke-dasharray="{dash}"'
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {style} marker-end="url(#tip)"/>'


def dot(at: Point, color: str, *, radius: float = 6) -> str:
    """Return a filled circle."""
    return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}" fill="{color}"/>'


def ring(at: Point, color: str) -> str:
    """Return a circle that marks a mean."""
    style = f'fill="none" stroke="{color}" stroke-width="3"'
    return f'<circle cx="{at[0]:.0f}" cy="{at[1]:.0f}" r="13" {style}/>'


def picture(size: Point, *parts: str) -> str:
    """Return an SVG of these parts on white."""
    width, height = size
    tip = (
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0,0L8,4L0,8z" fill="{INK}"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'font-family="sans-serif"><defs>{tip}</defs><rect width="100%" height="100%" '
        f'fill="white"/>{"".join(parts)}</svg>\n'
    )


def episode() -> str:
    """Return one assay, split into a support set and a query set."""
    rng = np.random.default_rng(1)
    active = rng.random(20) < 0.5
    support = [
        dot((60 + 34 * (n % 4), 74 + 30 * (n // 4)), ACTIVE if active[n] else INACTIVE)
        for n in range(8)
    ]
    query = [dot((250 + 28 * (n % 6), 74 + 30 * (n // 6)), QUERY) for n in range(12)]
    return picture(
        (720, 190),
        box((30, 40), (160, 90), "", fill="white"),
        box((225, 40), (190, 90), "", fill="white"),
        *support,
        *query,
        text((110, 28), "support set: labels shown"),
        text((320, 28), "query set: labels hidden"),
        arrow((415, 85), (485, 85)),
        box((490, 55), (90, 60), "model"),
        arrow((580, 85), (630, 85)),
        text((668, 80), "predictions"),
        text((668, 98), "and error"),
        arrow((668, 108), (545, 118)),
        text((560, 165), "the model changes a little"),
        text((110, 165), "one earlier assay"),
    )


def gradient() -> str:
    """Return starting weights between the weights that suit three assays."""
    start, ends = (340.0, 100.0), ((180.0, 40.0), (520.0, 45.0), (470.0, 170.0))
    steps = [
        part
        for number, end in enumerate(ends, 1)
        for part in (
            arrow(start, end, color=QUERY),
            dot(end, ACTIVE, radius=7),
            text((end[0] + (60 if end[0] > 300 else -60), end[1] + 5), f"assay {number}"),
        )
    ]
    return picture(
        (680, 210),
        arrow((120, 190), (325, 108), dash="6 4"),
        text((225, 200), "meta-training moves the start"),
        *steps,
        dot(start, INK, radius=8),
        text((262, 104), "starting weights"),
        text((420, 40), "a few steps on a support", size=12, color=QUERY),
    )


def metric() -> str:
    """Return support compounds as points, the mean of each class, and a query."""
    rng = np.random.default_rng(0)
    actives = rng.normal((230, 80), (38, 24), (7, 2))
    inactives = rng.normal((470, 125), (42, 26), (8, 2))
    active_mean, inactive_mean, query = actives.mean(0), inactives.mean(0), (320.0, 120.0)
    return picture(
        (680, 210),
        *(dot(tuple(at), ACTIVE) for at in actives),
        *(dot(tuple(at), INACTIVE) for at in inactives),
        ring(active_mean, ACTIVE),
        ring(inactive_mean, INACTIVE),
        arrow(query, (active_mean[0] + 14, active_mean[1] + 5), color=QUERY),
        arrow(query, (inactive_mean[0] - 15, inactive_mean[1]), color=QUERY, dash="6 4"),
        dot(query, QUERY, radius=8),
        text((query[0], 148), "query"),
        text((120, 30), "actives and their mean", color=ACTIVE),
        text((560, 195), "inactives and their mean", color=INACTIVE),
        text((330, 195), "the nearer mean wins", size=12),
    )


def memory() -> str:
    """Return a support that is written to a memory, from which a query reads."""
    slots = [box((300, 30 + 36 * n), (90, 28), f"slot {n + 1}") for n in range(4)]
    support = [
        part
        for n, color in enumerate((ACTIVE, INACTIVE, ACTIVE, INACTIVE))
        for part in (dot((90, 44 + 36 * n), color), arrow((105, 44 + 36 * n), (293, 44 + 36 * n)))
    ]
    return picture(
        (680, 200),
        *support,
        *slots,
        text((90, 190), "support, one by one"),
        text((345, 190), "memory"),
        text((200, 36), "write", size=12),
        dot((560, 98), QUERY, radius=8),
        text((560, 125), "query"),
        arrow((545, 98), (397, 98)),
        arrow((397, 80), (545, 80)),
        text((470, 72), "read", size=12),
        arrow((575, 98), (620, 98)),
        text((648, 103), "active?"),
    )


def pipeline() -> str:
    """Return the straight line from tables to ranked hits."""
    names = ("tables", "curated\nassays", "molecule\nstore", "model\nfile", "metrics", "report")
    verbs = ("curate", "featurize", "train", "evaluate", "report")
    boxes = [box((20 + 150 * n, 30), (88, 52), name) for n, name in enumerate(names)]
    arrows = [
        part
        for n, verb in enumerate(verbs)
        for part in (
            arrow((108 + 150 * n, 56), (168 + 150 * n, 56)),
            text((139 + 150 * n, 46), verb, size=12),
        )
    ]
    return picture(
        (900, 230),
        *boxes,
        *arrows,
        box((320, 118), (88, 40), "support"),
        box((320, 172), (88, 40), "library"),
        box((470, 134), (138, 60), "adapt, then\nscreen or suggest"),
        box((740, 138), (120, 52), "ranked hits,\nnext plate"),
        arrow((408, 138), (468, 152)),
        arrow((408, 192), (468, 178)),
        arrow((514, 82), (530, 132)),
        arrow((608, 164), (738, 164)),
    )


PICTURES = {
    "episode": episode, "gradient": gradient, "memory": memory, "metric": metric,
    "pipeline": pipeline,
}  # fmt: skip


def main() -> None:
    """Write every picture."""
    for name, draw in PICTURES.items():
        (ASSETS / f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
