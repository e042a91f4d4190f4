import datetime
import getpass
import platform
import re

import numpy as np

import vesalius
from vesalius.report.made import made


def test_it_tells_command_day_and_versions_and_nothing_of_the_machine():
    facts = made("vesalius demo", 3, {"Points": "eight"})
    assert facts.command == "vesalius demo"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts.date)
    assert abs(datetime.date.fromisoformat(facts.date) - datetime.date.today()) <= datetime.timedelta(days=1)
    assert facts.versions["vesalius"] == vesalius.__version__
    assert facts.versions["numpy"] == np.__version__
    assert facts.facts["Points"] == "eight"
    assert facts.facts["Threads"].startswith("3 on ")
    text = facts.model_dump_json()
    assert platform.node() not in text
    assert f"/{getpass.getuser()}" not in text
