"""What a training has come to, as one page that holds everything: numbers, curves, mistakes, and what was learned.

    facts       what a page is made from
    measured    how the model does on the test part, image by image
    times       how long each layer takes, forward and backward
    sections    the sections of the page
    page        HTML: tables, numbered figures, the document

`page_of(facts)` is the page; the command that trains writes it as report.html.  It needs no script and fetches nothing.
"""

from minigrad.report.facts import Facts
from minigrad.report.measured import Measured, measured
from minigrad.report.sections import page_of
from minigrad.report.times import Times, times

__all__ = ["Facts", "Measured", "Times", "measured", "page_of", "times"]
