"""Vesalius: medical scans into compact, tested representations and back. Research use only, not a medical device.

Every verb of the command line is a function here. The names stand in `__init__.pyi`; each is imported on first use.

Example:
    >>> import vesalius
    >>> vesalius.Reading(orientation="axial").stated()
    {'orientation': 'axial'}
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
