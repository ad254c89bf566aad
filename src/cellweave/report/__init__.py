"""Pictures of cells, figures and self-contained HTML reports."""

from cellweave.report.blocks import Block, Heading, Headline, ImageGrid, Listing, Paragraph, Picture, Table
from cellweave.report.contact_sheet import contact_sheet
from cellweave.report.figures import count_scatter, learning_curves, score_bars, threshold_curves
from cellweave.report.html import Report
from cellweave.report.overlay import draw_cells, draw_comparison

__all__ = [
    "Block",
    "Heading",
    "Headline",
    "ImageGrid",
    "Listing",
    "Paragraph",
    "Picture",
    "Report",
    "Table",
    "contact_sheet",
    "count_scatter",
    "draw_cells",
    "draw_comparison",
    "learning_curves",
    "score_bars",
    "threshold_curves",
]
