"""Reports: figures, charts, tables and one self-contained HTML page for the results of every task."""
