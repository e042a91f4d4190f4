"""The web page of `vesalius app`: labelled pictures, predictions and compression in a browser, on this machine alone.

Read `serve` first. A tab shows; what it does stands in a module without the web library (`predicting`, `compressing`,
`generating`), whose functions call the verbs of the command line in a process of their own (`jobs`, `worker`).
"""
