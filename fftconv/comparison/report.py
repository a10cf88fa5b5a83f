"""A comparison as one page of HTML, which loads nothing from anywhere and fits a telephone."""

from __future__ import annotations

import base64
import html
import io
from string import Template
from typing import TYPE_CHECKING, Any

from fftconv._pictures import new_figure
from fftconv.comparison.drawing import PANELS

if TYPE_CHECKING:
    from fftconv.comparison.comparing import Comparison

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 0.3rem 0.7rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
.facts td, .facts th { text-align: left; white-space: normal; vertical-align: top; }
img { max-width: 100%; height: auto; }
.pictures { display: grid; gap: 1rem;
 grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
p, li { color: #444; }
</style>
</head>
<body>
<h1>Convolution of $title</h1>
<p>$verdict</p>
<div class="scroll">$table</div>
<ul>$legend</ul>
<p>$left_out</p>
<div class="pictures">$pictures</div>
<h2>What the plan says</h2>
<div class="scroll facts">$plan</div>
<h2>Where this was measured</h2>
<div class="scroll facts"><table>$machine</table></div>
</body>
</html>
""")


def page_of(comparison: Comparison) -> str:
    """The whole page."""
    return _PAGE.substitute(
        title=html.escape(comparison.title),
        verdict=html.escape(_verdict(comparison)),
        table=comparison.table_html(),
        legend="".join(f"<li>{html.escape(line)}</li>" for line in comparison.legend()),
        left_out=_not_run(comparison),
        pictures="".join(_picture(name, draw, comparison) for name, draw in PANELS.items()),
        plan=comparison.plan._repr_html_(),
        machine="".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            for name, text in comparison.machine.items()
        ),
    )


def _not_run(comparison: Comparison) -> str:
    lines = [html.escape(line) for line in comparison.left_out()]
    return "Not run:<br>" + "<br>".join(lines) if lines else ""


def _verdict(comparison: Comparison) -> str:
    """Who was fastest, and by how much the plan missed it."""
    fastest = comparison.fastest
    chosen = next((item for item in comparison.ran if item.name == comparison.plan.method), None)
    assert fastest.timing is not None
    if chosen is None or chosen.timing is None:
        return f"The fastest is {fastest.name}."
    if chosen is fastest:
        return f"The plan's choice, {chosen.name}, is the fastest of {len(comparison.ran)}."
    ratio = chosen.timing.median / fastest.timing.median
    return (
        f"The fastest is {fastest.name}; the plan's choice, {chosen.name}, takes {ratio:.2f} times as long."
    )


def _picture(name: str, draw: Any, comparison: Comparison) -> str:
    figure = new_figure(4.6, max(2.4, 1.2 + 0.28 * len(comparison.ran)))
    draw(figure.subplots(), comparison)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{name} of each method" src="data:image/png;base64,{data}">'
