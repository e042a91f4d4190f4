"""The one converter from keys of other code to keys of a run.

For `task: simclr` it takes the flags of Google's SimCLR and REMEDIS code: `train_batch_size=512` on the command line,
or in a configuration, becomes `batch: 512`. For `task: tokenize` the keys of TiTok's code, dotted or as blocks:
`experiment.init_weight=RUN` becomes `init_from: {model: RUN, part: tokenizer}`. For `task: voco` and `task: segment`
the JSON files of UME, whose keys change the configurations `voco/brats_ume` and `segment/brats_ume`. For the settings
of `vesalius generate` ("sample", no job) those of an inference configuration: `num_inference_steps: 50` is `steps: 50`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from vesalius.config import read_table
from vesalius.errors import ConfigError
from vesalius.tasks.train.jobs import find_config
from vesalius.tasks.train.seed_keys.inference import INFERENCE_KEYS
from vesalius.tasks.train.seed_keys.places import Place, Raw, nothing
from vesalius.tasks.train.seed_keys.simclr import FLAGS
from vesalius.tasks.train.seed_keys.titok import TITOK_KEYS
from vesalius.tasks.train.seed_keys.ume import UME_BLOCKS, UME_KEYS, UME_SHARED
from vesalius.wording import Progress, quiet

_KNOWN: Mapping[str, Mapping[str, Place]] = {"simclr": FLAGS, "tokenize": TITOK_KEYS, "sample": INFERENCE_KEYS}


def with_seed_keys(
    raw: Mapping[str, Any], overrides: Sequence[str], progress: Progress = quiet
) -> tuple[Raw, list[str]]:
    """Move flags to the places that their values have here.

    Args:
        raw: keys of a configuration; those of other code than that in the tables stay as they are.
        overrides: words "key=value"; those that name a flag are taken, and win over flags of the configuration.
        progress: callback that receives one line on the keys of a file that mean nothing in its task.

    Returns:
        The keys without flags, and the words that are left.

    Raises:
        ConfigError: a value that the flag cannot have, or one that means nothing here.

    Example:
        >>> with_seed_keys({"task": "simclr", "temperature": 0.5}, ["train_epochs=90", "batch=64"])
        ({'task': 'simclr', 'method': {'name': 'simclr', 'temperature': 0.5}, 'train': {'epochs': 90}}, ['batch=64'])
    """
    task = _task(raw)
    is_ume = task in UME_KEYS and not UME_BLOCKS.isdisjoint(raw)
    known = UME_KEYS[task] if is_ume else _KNOWN.get(task)
    if known is None:
        return dict(raw), list(overrides)
    keys, flags = _parted(raw, known, shared=UME_SHARED if is_ume else frozenset())
    rest = []
    for word in overrides:
        key, equals, value = word.partition("=")
        if equals and key in known:
            flags[key] = _value(key, value)
        else:
            rest.append(word)
    if is_ume:
        keys = _merged(read_table(find_config(f"{task}/brats_ume")), {**keys, "task": task})
    unused = [key for key in known if key in flags and known[key] is nothing]
    if unused:
        progress(f"keys without meaning in task {task}: {', '.join(unused)}")
    for key in reversed(list(known)):  # each of the three first transforms goes before those of the later lines
        if key in flags:
            known[key](keys, key, flags[key])
    return keys, rest


def _task(raw: Mapping[str, Any]) -> str:
    """Return the task; a file of UME without one is that of its self-supervision where it has that block."""
    return "voco" if "task" not in raw and "voco" in raw else str(raw.get("task"))


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Raw:
    """Return the keys of both, block by block; those of `over` win."""
    keys = dict(base)
    for key, value in over.items():
        held = keys.get(key)
        keys[key] = _merged(held, value) if isinstance(held, Mapping) and isinstance(value, Mapping) else value
    return keys


def _parted(
    raw: Mapping[str, Any], known: Mapping[str, Place], shared: frozenset[str] = frozenset()
) -> tuple[Raw, Raw]:
    """Return the keys of a run, and flags by dotted key.

    A block that begins flags holds nothing else, but for those in `shared`, which hold keys of a run, too.
    """
    blocks = {key.partition(".")[0] for key in known if "." in key}
    keys: Raw = {}
    flags: Raw = {}
    for key, value in raw.items():
        if key in known:
            flags[key] = value
        elif key in blocks and isinstance(value, Mapping):
            within = _dotted(value, key)
            if key in shared:
                keys[key] = {name: inner for name, inner in value.items() if f"{key}.{name}" not in known}
                within = {name: inner for name, inner in within.items() if name in known}
            flags |= within
        else:
            keys[key] = value
    for key in flags:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0)[0]
            raise ConfigError("no such key", where=key, fix=f"did you mean {near!r}?")
    return keys, flags


def _dotted(block: Mapping[str, Any], above: str) -> Raw:
    flags: Raw = {}
    for key, value in block.items():
        name = f"{above}.{key}"
        flags |= _dotted(value, name) if isinstance(value, Mapping) else {name: value}
    return flags


def _value(flag: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"value {text!r} is not valid YAML", where=flag) from error
