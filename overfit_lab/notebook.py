"""A diagnosis as HTML for notebooks: verdict, chart, sentences and advice, in light and dark.

The colours are those of frontend/static/css/colours.css. A notebook's own theme counts where it can
be recognised (JupyterLab, VS Code, Colab), else that of the system; the own background keeps the
text readable if the two differ. Where a page removes the style,
as GitHub does, the light colours that the picture carries remain.
"""

from html import escape
from typing import TYPE_CHECKING

from backend.diagnosis.verdicts import Tone
from overfit_lab.svg_chart import fit_svg

if TYPE_CHECKING:
    from overfit_lab.fit import Fit

_LIGHT = (
    "--paper:#ffffff;--ink:#1b1d21;--quiet:#575c65;--line:#d7d8d5;--train:#0068b3;--validation:#b84700;"
    "--mark:#4a3db8;--good:#1b7a3d;--harmful:#b3261e;--plain:#575c65"
)
_DARK = (
    "--paper:#1f2226;--ink:#e8e9ec;--quiet:#a6abb4;--line:#383c44;--train:#5cb7f7;--validation:#ff9d5c;"
    "--mark:#b4abff;--good:#6fd08c;--harmful:#ff8a80;--plain:#a6abb4"
)
_DARK_THEMES = '[data-jp-theme-light="false"],.vscode-dark,html[theme="dark"]'
_LIGHT_THEMES = '[data-jp-theme-light="true"],.vscode-light,html[theme="light"]'
_STYLE = f"""
.overfit-fit{{{_LIGHT};background:var(--paper);color:var(--ink);
font:14px/1.5 system-ui,sans-serif;max-width:720px;padding:.6em 1em;border-radius:8px}}
@media (prefers-color-scheme:dark){{.overfit-fit{{{_DARK}}}}}
:is({_LIGHT_THEMES}) .overfit-fit{{{_LIGHT}}}
:is({_DARK_THEMES}) .overfit-fit{{{_DARK}}}
.overfit-fit p{{margin:.35em 0}} .overfit-fit .quiet{{color:var(--quiet)}}
.overfit-fit strong.good{{color:var(--good)}} .overfit-fit strong.harmful{{color:var(--harmful)}}
.overfit-fit svg{{display:block;margin:.5em 0}}
.overfit-fit text{{fill:var(--quiet)}} .overfit-fit .grid{{stroke:var(--line)}}
.overfit-fit path.train{{stroke:var(--train)}} .overfit-fit text.train{{fill:var(--train)}}
.overfit-fit path.validation{{stroke:var(--validation)}}
.overfit-fit text.validation{{fill:var(--validation)}}
.overfit-fit .mark{{stroke:var(--mark)}} .overfit-fit .shade{{fill:var(--validation)}}
.overfit-fit ul{{margin:.2em 0;padding-left:1.4em}}
"""
_CLASSES: dict[Tone, str] = {"good": "good", "harmful": "harmful"}


def fit_html(fit: "Fit") -> str:
    """Return a diagnosis as a fragment of HTML."""
    diagnosis = fit.report.diagnosis
    tone = _CLASSES.get(diagnosis.verdict.facts.tone, "plain")
    verdict, _, rest = diagnosis.sentence.partition(":")
    paragraphs = [
        f'<p><strong class="{tone}">{escape(verdict)}</strong>:{escape(rest)}</p>',
        fit_svg(fit.report, fit.pair),
        f"<p>{escape(diagnosis.learner)}</p>",
        *(f"<p>{escape(finding.sentence)}</p>" for finding in diagnosis.findings),
        f"<p>{escape(fit.early_stop_sentence)}</p>",
        _advice(fit.advice),
        f'<p class="quiet">{_small_print(fit)}</p>',
    ]
    return f'<div class="overfit-fit"><style>{_STYLE}</style>{"".join(paragraphs)}</div>'


def _advice(sentences: list[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<details><summary>Advice</summary><ul>{items}</ul></details>"


def _small_print(fit: "Fit") -> str:
    diagnosis = fit.report.diagnosis
    train, validation = fit.series
    sentences = [
        f"{train} is the train loss, {validation} the validation loss.",
        f"Confidence: {diagnosis.confidence} ({diagnosis.rule}).",
        *(f"Note: {note}." for note in fit.notes),
        *(f"Not checked: {reason}." for reason in diagnosis.not_checked),
    ]
    return escape(" ".join(sentences))
