"""The report on one fit of any program: diagnosis, early-stopping step and chart.

`lab diagnose` prints these reports, and `overfit_lab.diagnose` returns them.
"""

from backend.fit_reports.fit_report import FitReport, report_on

__all__ = ["FitReport", "report_on"]
