"""deploy/prometheus-alerts.yml, deploy/grafana-dashboard.json and the table of the guide name metrics that exist."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from django.conf import settings

from config.metrics.figures import figures

ALERTS = settings.BASE_DIR / "deploy/prometheus-alerts.yml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((settings.BASE_DIR / "deploy/grafana-dashboard.json").read_text())
PANELS = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
GUIDE = (settings.BASE_DIR / "docs/deployment.md").read_text().partition("\n## Metrics\n")[2]
NAME = re.compile(r"\b(?:tickets|http)_\w+")
LABELS = (
    {"job", "le", "route", "method", "status"} | {name for it in figures.values() for name in it.labels} | {"figure"}
)


def named(text):
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(text)}


def shown(text):
    """The metrics of a scrape; one without samples, too."""
    return {
        re.sub(r"^tickets_(changes|bookings)$", r"\g<0>_total", name)
        for name in re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    }


@pytest.fixture
def existing(scraper, anonymous):
    anonymous.get("//health")
    return shown(scraper.get("//metrics").content.decode())


def test_alerts_name_metrics_that_exist(existing):
    assert {name for rule in RULES for name in named(rule["expr"])} - existing == set()


def test_dashboard_names_metrics_that_exist(existing):
    assert {name for _, expr in PANELS for name in named(expr)} - existing == set()


def test_guide_has_every_metric(existing):
    assert named(" ".join(re.findall(r"^\| (`.*?) \|", GUIDE, re.MULTILINE))) == existing


@pytest.mark.parametrize("expr", [rule["expr"] for rule in RULES] + [expr for _, expr in PANELS])
def test_expression_names_labels_that_exist(expr):
    used = re.findall(r"(\w+)(?:=~?|!=)\"", expr)
    used += [name for names in re.findall(r"by \(([\w, ]+)\)", expr) for name in names.split(", ")]
    assert set(used) <= LABELS
    assert "job" in used
    assert expr.count("(") == expr.count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_says_what_happened_and_what_to_do(rule):
    assert rule["labels"]["severity"] in ("page", "look")
    assert len(rule["annotations"]["summary"]) > 20
    assert len(rule["annotations"]["runbook"]) > 40


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is part of Prometheus")
def test_promtool_accepts_the_alerts():
    done = subprocess.run(["promtool", "check", "rules", str(ALERTS)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
