"""Pictures of cells, figures and self-contained HTML reports."""

from cellweave.report.blocks import Block, Heading, Headline, ImageGrid, Listing, Paragraph, Picture, Table
from cellweave.report.comparison_sheet import comparison_sheet
from cellweave.report.contact_sheet import contact_sheet
from cellweave.report.failures import Outcomes, WorstRegion, failure_sheet, worst_regions
from cellweave.report.figures import count_scatter, learning_curves, score_bars, threshold_curves
from cellweave.report.html import Report
from cellweave.report.layout_sheet import key_path, layout_sheet
from cellweave.report.layouts import draw_layout
from cellweave.report.legend import LegendEntry
from cellweave.report.overlay import draw_cells, draw_comparison
from cellweave.report.rows import Row, stack_rows
from cellweave.report.spatial_figures import arrangement_curves, levels_chart

__all__ = [
    "Block",
    "Heading",
    "Headline",
    "ImageGrid",
    "LegendEntry",
    "Listing",
    "Outcomes",
    "Paragraph",
    "Picture",
    "Report",
    "Row",
    "Table",
    "WorstRegion",
    "arrangement_curves",
    "comparison_sheet",
    "contact_sheet",
    "count_scatter",
    "draw_cells",
    "draw_comparison",
    "draw_layout",
    "failure_sheet",
    "key_path",
    "layout_sheet",
    "learning_curves",
    "levels_chart",
    "score_bars",
    "stack_rows",
    "threshold_curves",
    "worst_regions",
]
