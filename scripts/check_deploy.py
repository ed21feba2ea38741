#!/usr/bin/env python3
"""check_deploy.py FOLDER: the rules of deploy/ that no checker knows. Run by check-deploy.sh, in whose folder the output of
docker-compose is, and which gets there the environment file with every setting, and the commands of docs/OPERATIONS.md."""

import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
PROFILES = {
    "sqlite": {"sms"},
    "postgres": {"api", "worker", "postgres"},
    "redis": {"api", "worker", "postgres", "redis"},
    "rabbitmq": {"api", "worker", "postgres", "rabbitmq"},
    "proxy": {"proxy"},
    "monitoring": {"prometheus", "alertmanager", "grafana"},
}
# Blocks of commands in OPERATIONS.md that begin like this are not run.
NOT_RUN = "# Not run by the tests: "
mistakes = []


def must(condition, what):
    if not condition:
        mistakes.append(what)


def documented():
    """Settings and their defaults, by variable, as in docs/CONFIGURATION.md."""
    text = (ROOT / "docs/CONFIGURATION.md").read_text()
    settings = {}
    for line in text.splitlines():
        row = [cell.strip() for cell in line.split("|")]
        variable = re.fullmatch(r"`(SMS_[A-Z_]+)`", row[2]) if len(row) > 5 else None
        if variable:
            default = re.match(r"`([^`]*)`", row[4])
            settings[variable[1]] = default[1] if default else None
    in_files = set(re.findall(r"`(SMS_[A-Z_]+_FILE)`", text))
    return settings, {name: None for name in in_files}


def environment(folder):
    settings, in_files = documented()
    must(len(settings) > 10, "docs/CONFIGURATION.md: the table of settings was not found")
    lines = (DEPLOY / "sms-server.env.example").read_text().splitlines()
    shown = {}
    for line in lines:
        setting = re.fullmatch(r"#?(SMS_[A-Z_]+)=(.*)", line)
        must(setting or not line or line.startswith("# "), f"sms-server.env.example: {line!r} is neither")
        if setting:
            must(line.startswith("#"), f"sms-server.env.example: {setting[1]} is set")
            must(setting[1] not in shown, f"sms-server.env.example: {setting[1]} is there twice")
            shown[setting[1]] = setting[2]
    expected = settings | in_files | {"SMS_CONFIG": None}
    for name in expected.keys() - shown.keys():
        must(False, f"sms-server.env.example: {name} of docs/CONFIGURATION.md is missing")
    for name in shown.keys() - expected.keys():
        must(False, f"sms-server.env.example: {name} is not in docs/CONFIGURATION.md")
    for name, default in settings.items():
        if default is not None and name in shown:
            must(shown[name] == default, f"sms-server.env.example: the default of {name} is {default}")
    whole = [f"{name}={value}" for name, value in shown.items() if value and name in settings]
    (folder / "environment").write_text("\n".join(whole) + "\n")


def compose(folder):
    for profile, expected in PROFILES.items():
        path = folder / f"compose-{profile}.yaml"
        whole = yaml.safe_load(path.read_text()) or {} if path.exists() else {}
        services = whole.get("services", {})
        active = {name for name, it in services.items() if profile in it.get("profiles", [profile])}
        must(active == expected, f"compose.yaml: {profile} starts {sorted(active)}")
        for name in active:
            service = services[name]
            missing = set(service.get("depends_on", {})) - active
            must(not missing, f"compose.yaml: {profile}: {name} needs {missing}, which does not start")
            for secret in service.get("secrets", []):
                source = secret if isinstance(secret, str) else secret["source"]
                file = whole["secrets"][source]["file"]
                must(pathlib.Path(file).is_file(), f"compose.yaml: make-secrets.sh makes no {file}")
            for volume in service.get("volumes", []):
                source = str(volume).split(":", maxsplit=1)[0]
                there = pathlib.Path(source).exists() or source in whole["volumes"]
                must(there, f"compose.yaml: {name}: there is no {source}")
            for network in service.get("networks", []):
                must(network in whole["networks"], f"compose.yaml: {name}: there is no network {network}")
            hardened(f"compose.yaml: {name}", service)
    settings, in_files = documented()
    for name in ("sms", "api", "worker"):
        for variable in services.get(name, {}).get("environment", {}):
            must(variable in settings | in_files, f"compose.yaml: {name}: there is no {variable}")


def hardened(name, service):
    image = service.get("image", "")
    must(re.search(r":v?\d+\.\d+(\.\d+)?$", image), f"{name}: {image} has no version")
    must(service.get("read_only") or name.endswith("rabbitmq"), f"{name}: its root can be written")
    must(service.get("cap_drop") == ["ALL"], f"{name}: it keeps capabilities")
    must("no-new-privileges:true" in service.get("security_opt", []), f"{name}: it may get privileges")
    must(service.get("healthcheck") or is_server(image), f"{name}: nothing checks its health")
    must(service.get("restart") == "unless-stopped", f"{name}: it is not started again")
    must("max-size" in service.get("logging", {}).get("options", {}), f"{name}: its log is not bounded")
    for port in service.get("ports", []):
        must(str(port).startswith("127.0.0.1:") or name.endswith("proxy"), f"{name}: {port} is open to all")


def is_server(image):
    """Its image has the check."""
    return image.startswith("sms-server:")


def kubernetes():
    documents = []
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        documents += [(path.name, it) for it in yaml.safe_load_all(path.read_text())]
    listed = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]
    there = {name for name, _ in documents} - {"kustomization.yaml", "secret.example.yaml"}
    must(set(listed) == there, f"kustomization.yaml: it lists {listed}, there are {sorted(there)}")
    secret = next(it for _, it in documents if it["kind"] == "Secret")
    settings, in_files = documented()
    labels = {}
    for name, it in documents:
        if it["kind"] == "Deployment":
            pod = it["spec"]["template"]
            labels[name] = pod["metadata"]["labels"]["app.kubernetes.io/name"]
            restricted(name, pod["spec"])
            for variable in pod["spec"]["containers"][0]["env"]:
                known = variable["name"] in settings | in_files
                must(known, f"{name}: there is no {variable['name']}")
                if variable["name"].endswith("_FILE"):
                    key = variable["value"].rsplit("/", maxsplit=1)[-1]
                    must(key in secret["stringData"], f"{name}: secret.example.yaml has no {key}")
    for name, it in documents:
        if it["kind"] in ("Service", "PodDisruptionBudget"):
            selector = it["spec"]["selector"]
            label = selector.get("matchLabels", selector)["app.kubernetes.io/name"]
            must(label in labels.values(), f"{name}: nothing is labelled {label}")


def restricted(name, pod):
    """The Pod Security Standard of this name, and a root that cannot be written."""
    security = pod["securityContext"]
    must(security["runAsNonRoot"] and security["runAsUser"] == 65532, f"{name}: not the user of the image")
    must(security["seccompProfile"]["type"] == "RuntimeDefault", f"{name}: no seccomp")
    must(pod["enableServiceLinks"] is False, f"{name}: Services set variables")
    must(pod["automountServiceAccountToken"] is False, f"{name}: it has a token of the cluster")
    must(pod["terminationGracePeriodSeconds"] >= 50, f"{name}: calls in flight are cut")
    for container in pod["containers"]:
        security = container["securityContext"]
        must(security["allowPrivilegeEscalation"] is False, f"{name}: it may get privileges")
        must(security["readOnlyRootFilesystem"] is True, f"{name}: its root can be written")
        must(security["capabilities"] == {"drop": ["ALL"]}, f"{name}: it keeps capabilities")
        must("memory" in container["resources"]["limits"], f"{name}: no limit of memory")


def workflows():
    """They call targets of the Makefile, and nothing else that could differ from what people run."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    allowed = re.compile(r"rustup toolchain install |gh release create |docker push |printf '%s' \"\$TOKEN\" \| docker login ")
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            called = job.get("strategy", {}).get("matrix", {}).get("target", [])
            must("timeout-minutes" in job, f"{path.name}: a job has no limit of time")
            for step in job["steps"]:
                command = step.get("run", "")
                if command.startswith("make ") and "${{" not in command:
                    called = [*called, command.split()[1]]
                must(not command or re.match(r"make |" + allowed.pattern, command), f"{path.name}: {command}")
            for target in called:
                must(target in targets, f"{path.name}: there is no `make {target}`")


def image():
    """What the code includes when it is built reaches the image, and the version is that of Cargo.toml."""
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    left_out = [pattern for pattern in ignored if "*" not in pattern]
    members = yaml.safe_load(re.search(r"members = (\[.*?\])", (ROOT / "Cargo.toml").read_text())[1])
    sources = [path for member in members for path in (ROOT / member).glob("src/**/*.rs")]
    for path in sources:
        for included in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', path.read_text()):
            file = (path.parent / included).resolve()
            inside = file.relative_to(ROOT).parts[0]
            test = "tests" in path.parts or path.name == "tests.rs"
            must(test or inside not in left_out, f".dockerignore leaves out {file.relative_to(ROOT)}")
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    for path in ("Dockerfile", "compose.yaml", "kubernetes/kustomization.yaml"):
        must(version in (DEPLOY / path).read_text(), f"{path}: not the version {version} of Cargo.toml")
    rust = re.search(r"FROM rust:(\d+\.\d+)", (DEPLOY / "Dockerfile").read_text())[1]
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        found = re.search(r'RUSTUP_TOOLCHAIN: "(.*)"', path.read_text())[1]
        must(found == rust, f"{path.name}: Rust {found}, in the Dockerfile {rust}")


def operations(folder):
    """Writes the commands of the page that can be run, one block after the other."""
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    run = [block for block in blocks if not block.startswith(NOT_RUN)]
    must(len(run) > 2, "docs/OPERATIONS.md: its blocks of commands were not found")
    must(len(blocks) == text.count("\n```") // 2, "docs/OPERATIONS.md: a block of another language")
    (folder / "operations.sh").write_text("\n".join(run))


def main():
    folder = pathlib.Path(sys.argv[1])
    environment(folder)
    compose(folder)
    kubernetes()
    workflows()
    image()
    operations(folder)
    for mistake in dict.fromkeys(mistakes):
        print(mistake)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
