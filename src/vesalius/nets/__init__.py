"""Networks: pure torch modules, each behind a strict configuration. They know no scans."""
