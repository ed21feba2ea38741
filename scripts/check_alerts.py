#!/usr/bin/env python3
"""check_alerts.py FILE: what promtool does not know about deploy/monitoring. Names of metrics, labels and their values are those of
docs/METRICS.md, every alert has a test in which it fires and a paragraph in docs/OPERATIONS.md, and the dashboard is in order.
Writes the expressions of the dashboard into the file, as rules that promtool can read. Run by check-alerts.sh."""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MONITORING = ROOT / "deploy/monitoring"
RUNBOOK = "https://git.example.org/sms/blob/main/docs/OPERATIONS.md#"
# Those of Prometheus itself, with the labels that are asked for.
OWN = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
# The labels that Prometheus adds.
ADDED = {"job", "instance"}
# Labels with values that the page does not list.
OPEN = ADDED | {"code", "method", "route", "alertname", "alertstate"}
WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
mistakes = []


def must(condition, what):
    if not condition:
        mistakes.append(what)


def documented():
    """The labels of each metric, and the values that the page names. A histogram is three metrics."""
    text = (ROOT / "docs/METRICS.md").read_text()
    metrics = {}
    for line in text.splitlines():
        row = [cell.strip() for cell in line.split("|")]
        name = re.fullmatch(rf"`({NAME})`", row[1]) if len(row) == 7 else None
        if name:
            labels = set(re.findall(r"`([a-z_]+)`", row[4]))
            if row[2] == "histogram":
                metrics |= {name[1] + "_bucket": labels | {"le"}, name[1] + "_sum": labels, name[1] + "_count": labels}
            else:
                metrics[name[1]] = labels
    must(len(metrics) > 40, "docs/METRICS.md: its tables were not found")
    # Lanes and some statuses are in the page about the API alone.
    text += (ROOT / "docs/API.md").read_text()
    return metrics, set(re.findall(r"[`\"]([a-z_]+)[`\"]", text))


def check_expression(place, expression, metrics, words):
    """Returns the metrics of the expression."""
    known = metrics | OWN
    used = set()
    selectors = re.findall(rf"({NAME})\s*\{{([^}}]*)\}}", expression)
    for name, matchers in selectors:
        for label, value in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', matchers):
            must(label in known.get(name, {label}) | ADDED, f"{place}: {name} has no label {label}")
            if label not in OPEN:
                for word in value.split("|"):
                    must(word in words or label == "le", f"{place}: docs/METRICS.md names no {label} {word!r}")
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    grouped = set()
    for inside in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", bare):
        grouped |= set(re.findall(NAME, inside))
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    for name, after in re.findall(rf"(?<![\w.:])({NAME})\s*(\(?)", bare):
        if not after and name not in WORDS:
            used.add(name)
            must(name in known, f"{place}: docs/METRICS.md has no {name}")
            process = name.startswith("process_") and f'{name}{{job="sms"}}' not in expression
            must(not process, f'{place}: {name} without job="sms" is that of every program')
    must(used, f"{place}: no metric")
    labels = ADDED.union(*(known.get(name, set()) for name in used))
    must(grouped <= labels, f"{place}: no metric has the label {', '.join(sorted(grouped - labels))}")
    return used


def rules(metrics, words):
    """The alerts, each with the metrics of its expression."""
    alerts = {}
    for path in sorted((MONITORING / "rules").glob("*.yaml")):
        text = path.read_text()
        form = r"- alert: (\w+)\n +expr: (?:>-\n)?(.*?)\n +(?:for|labels):(.*?)(?=\n +- alert:|\n  - name:|\Z)"
        found = re.findall(form, text, re.DOTALL)
        must(found and len(found) == text.count("- alert: "), f"{path.name}: an alert was not found; is it written like the others?")
        for name, expression, rest in found:
            must(name not in alerts, f"{path.name}: {name} is there twice")
            alerts[name] = check_expression(f"{path.name}: {name}", expression, metrics, words)
            for part in ("severity: ", "summary: ", "description: "):
                must(part in rest, f"{path.name}: {name} has no {part[:-2]}")
            link = re.search(r"runbook_url: (\S+)", rest)
            must(link and link[1] == RUNBOOK + name.lower(), f"{path.name}: {name}: runbook_url must be {RUNBOOK}{name.lower()}")
    return alerts


def paragraphs(alerts):
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = [heading.strip() for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    anchors = [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]
    for name in alerts:
        must(anchors.count(name.lower()) == 1, f"docs/OPERATIONS.md: it has no paragraph (or two) with the heading {name}")
    for heading in headings:
        must(not re.fullmatch(r"Sms[A-Z]\w+", heading) or heading in alerts, f"docs/OPERATIONS.md: there is no alert {heading}")


def tests(alerts):
    well = (MONITORING / "tests/well.yaml").read_text()
    outages = "".join(path.read_text() for path in (MONITORING / "tests").glob("*.yaml") if path.name != "well.yaml")
    for name, used in alerts.items():
        must(f'{{alertname="{name}"}}' in outages, f"deploy/monitoring/tests: {name} fires in none")
        for metric in used:
            must(f"series: '{metric}{{" in well, f"deploy/monitoring/tests/well.yaml: no {metric}, which {name} needs")


def dashboard(metrics, words):
    path = MONITORING / "grafana/dashboards/sms.json"
    board = json.loads(path.read_text())
    must([it["type"] for it in board["templating"]["list"]] == ["datasource"], f"{path.name}: the data source is no variable")
    panels = [inner for panel in board["panels"] for inner in (panel, *panel.get("panels", []))]
    ids = [panel["id"] for panel in panels]
    must(len(ids) == len(set(ids)), f"{path.name}: two panels have the same id")
    expressions = []
    taken = set()
    for panel in panels:
        place, at = f"{path.name}: {panel['title']}", panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        must(not cells & taken and at["x"] + at["w"] <= 24, f"{place}: it covers another panel")
        taken |= cells
        for target in panel.get("targets", []):
            for source in (panel["datasource"], target["datasource"]):
                must(source == {"type": "prometheus", "uid": "${datasource}"}, f"{place}: not the data source of the variable")
            expressions.append((place, target["expr"]))
            given = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            used = check_expression(place, target["expr"], metrics, words)
            labels = ADDED.union(*(metrics.get(name, set()) for name in used))
            must(given <= labels, f"{place}: the legend has a label that no metric has")
        must(panel["type"] == "row" or panel.get("targets"), f"{place}: it is empty")
    for annotation in board["annotations"]["list"]:
        if "expr" in annotation:
            expressions.append((annotation["name"], annotation["expr"]))
            check_expression(annotation["name"], annotation["expr"], metrics, words)
    return [expression.replace("$__rate_interval", "5m") for _, expression in expressions]


def main():
    metrics, words = documented()
    alerts = rules(metrics, words)
    paragraphs(alerts)
    tests(alerts)
    expressions = dashboard(metrics, words)
    lines = ["groups:", "  - name: dashboard", "    rules:"]
    for number, expression in enumerate(expressions):
        lines += [f"      - record: dashboard:{number}", f"        expr: {json.dumps(expression)}"]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
    for mistake in dict.fromkeys(mistakes):
        print(mistake, file=sys.stderr)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
