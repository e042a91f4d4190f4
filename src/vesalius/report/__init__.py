"""From results to what people read: pictures, charts, tables and one self-contained HTML page."""
