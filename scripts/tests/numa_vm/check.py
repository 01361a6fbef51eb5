#!/usr/bin/python3
"""What a guest of numa_vm.sh brought back, held against what its kernel said of
its CPUs and nodes. Prints a line for each check, PASS or FAIL.

    check.py OUT

OUT/cpus: "CPU NODE SIBLINGS" a line, the guest's own /sys. OUT/capture: what
`zonebench capture` saved there. OUT/runs/NAME: run folders. OUT/limited/NAME:
run folders of when only the CPUs of OUT/limited/NAME.cpus could be used.
"""
import csv
import json
import pathlib
import sys


def expect(what, good, shown=""):
    print(f"{'PASS' if good else 'FAIL'}: {what}" + (f": {shown}" if not good else ""))


def load(path):
    return json.loads(path.read_text())


class Guest:
    """CPUs as the guest's kernel has them; allowed: the ones to be used."""

    def __init__(self, out, allowed=None):
        self.cpus = {}
        for line in (out / "cpus").read_text().splitlines():
            cpu, node, siblings = line.split(maxsplit=2)
            first = min(int(s) for s in siblings.replace("-", ",").split(","))
            if allowed is None or int(cpu) in allowed:
                self.cpus[int(cpu)] = (int(node), first)
        self.cpu_nodes = sorted({node for node, _ in self.cpus.values()})
        nodes = (out / "capture").glob("node*")
        self.nodes = sorted(int(n.name.removeprefix("node")) for n in nodes)
        self.memory = [int(n) for n in (out / "has_memory").read_text().split()]
        self.order = {}
        for line in (out / "fallback_order").read_text().splitlines():
            node, order = line.removeprefix("Fallback order for Node ").split(":")
            self.order[int(node)] = [int(n) for n in order.split()]

    def node(self, cpu):
        return self.cpus[cpu][0]

    def rank(self, cpu):
        """0: the first thread of its core, 1: the second ..."""
        core = self.cpus[cpu][1]
        return sum(1 for c in self.cpus if c < cpu and self.cpus[c][1] == core)

    def compact(self):
        return sorted(self.cpus, key=lambda c: (self.rank(c), self.node(c), c))

    def scatter(self):
        turn = {}
        for rank in sorted({self.rank(c) for c in self.cpus}):
            for node in self.nodes:
                mine = [c for c in self.cpus
                        if self.rank(c) == rank and self.node(c) == node]
                for i, cpu in enumerate(sorted(mine)):
                    turn[cpu] = (rank, i, node)
        return sorted(turn, key=turn.get)

    def choose(self, placement, nr):
        if placement.startswith("node:"):
            order = [c for c in self.compact() if self.node(c) == int(placement[5:])]
        elif placement.startswith("pairs:"):
            order = []
            for i in range(nr):
                node = int(placement[6:].split("-")[i % 2])
                order.append(next(c for c in self.compact()
                                  if self.node(c) == node and c not in order))
        else:
            order = {"compact": self.compact, "scatter": self.scatter}[placement]()
        return order[:nr]


def check_threads(name, guest, result):
    threads = result["threads_detail"]
    cpus = [t["cpu"] for t in threads]
    placement = result["params"].get("placement", "compact")
    wanted = guest.choose(placement, result["threads"])
    expect(f"{name}: placement={placement} takes CPUs {wanted}", cpus == wanted, cpus)
    expect(f"{name}: nodes of threads are the kernel's",
           all(t["node"] == guest.node(t["cpu"]) for t in threads), threads)
    expect(f"{name}: every look found each thread on its CPU",
           all(0 < t["samples_total"] == t["samples_on_cpu"] for t in threads), threads)
    if result["machine"] != "host":
        return
    expect(f"{name}: the model's CPUs lie on the same nodes",
           all(t["node"] == t["model_node"] for t in threads), threads)
    expect(f"{name}: machine=host is not synthetic", "synthetic" not in result["flags"])


def check_frames(name, guest, result):
    proof = result["proof"]
    expect(f"{name}: affinity and residency", proof["affinity"] and proof["residency"] == 1, proof)
    expect(f"{name}: frames on their node",
           proof["frames_checked"] == proof["frames_on_node"], proof)
    expect(f"{name}: descriptors on their node",
           proof["descriptors_checked"] == proof["descriptors_on_node"], proof)
    expect(f"{name}: frames were looked at, of each node with memory",
           proof["frames_checked"] > 100 and proof["nodes_bound"] == len(guest.memory), proof)


def check_counters(name, guest, result):
    """One thread whose frames come from one node: what the counters must say."""
    policy = result["params"].get("mem_policy", "local")
    if result["threads"] != 1 or result["machine"] != "host" or result["workload"] == "fallback":
        return
    node = result["threads_detail"][0]["node"]
    if policy.startswith("bind:"):
        source = int(policy[5:])
    elif policy == "local":
        source = next(n for n in guest.order[node] if n in guest.memory)
    else:
        return
    c = result["counters"]
    here, elsewhere = "numa_local", "numa_other"
    if source != node:
        here, elsewhere = elsewhere, here
    expect(f"{name}: of node {node}'s frames from node {source} all are {here}",
           c["numa_hit"] == c[here] > 0 and not c[elsewhere] and not c["numa_miss"], c)
    share = {m["name"]: m["value"] for m in result["metrics"]}["remote_alloc_share"]
    expect(f"{name}: share of remote allocations", share == (source != node), share)


def check_fallback(name, guest, result):
    """The nodes that took over, in the order that the kernel printed."""
    if result["workload"] != "fallback":
        return
    node = result["threads_detail"][0]["node"]
    place = {int(m["name"].removeprefix("takeover_node")): m["value"]
             for m in result["metrics"] if m["name"].startswith("takeover_node")}
    wanted = [n for n in guest.order[node] if n in guest.memory]
    expect(f"{name}: nodes take over as {wanted}", sorted(place, key=place.get) == wanted, place)


def check_job(guest, run):
    """numa.ini: every node with every node."""
    cells = [c["params"] | {"section": c["id"].split("-")[1]} for c in load(run / "run.json")["cells"]]

    def values(section, *keys):
        return sorted({tuple(c.get(k) for k in keys) for c in cells if c["section"] == section})

    sections = {c["section"] for c in cells}
    for section in sections & {"numa_bind", "numa_touch"}:
        wanted = sorted((f"node:{a}", f"bind:{b}") for a in guest.cpu_nodes for b in guest.memory)
        expect(f"numa.ini: {section} has every CPU node with every memory node",
               values(section, "placement", "mem_policy") == wanted,
               values(section, "placement", "mem_policy"))
    for section in sections & {"numa_local", "fallback"}:
        wanted = [(f"node:{a}",) for a in guest.cpu_nodes]
        expect(f"numa.ini: {section} has every CPU node", values(section, "placement") == wanted,
               values(section, "placement"))
    for section in sections & {"numa_cross"}:
        alone = [n for n in guest.cpu_nodes if [c[0] for c in guest.cpus.values()].count(n) < 2]
        wanted = sorted((f"pairs:{a}-{b}",) for a in guest.cpu_nodes for b in guest.cpu_nodes
                        if a != b or a not in alone)
        expect("numa.ini: numa_cross has every node with every node",
               values(section, "placement") == wanted, values(section, "placement"))
    expect("numa.ini: the machine is this host", {c["machine"] for c in load(run / "run.json")["cells"]} == {"host"})


def check_marked(name, run):
    """Emulated, and every place where a reader could take a time from says so."""
    expect(f"{name}: env.json says emulated", load(run / "env.json")["emulated"] is True)
    with open(run / "samples.csv", newline="") as f:
        flags = [row["flags"].split(";") for row in csv.DictReader(f)]
    expect(f"{name}: every sample is marked emulated", flags and all("emulated" in f for f in flags))
    expect(f"{name}: summary.txt says emulated",
           "emulated CPUs: no time" in (run / "summary.txt").read_text())
    scripts = list((run / "plots").glob("*.gp"))
    expect(f"{name}: every chart says emulated",
           all("emulated: no timing claim" in s.read_text() for s in scripts),
           [s.name for s in scripts])


def check_run(guest, run):
    name = run.name
    wanted = load(run / "run.json")
    states = [s.read_text().strip() for s in sorted(run.glob("cells/*/rep-*/status"))]
    expect(f"{name}: all repetitions are ok",
           len(states) == len(wanted["order"]) and set(states) == {"ok"}, states)
    for path in sorted(run.glob("cells/*/rep-*/result.json")):
        result = load(path)
        cell = f"{name}/{result['cell']}"
        check_threads(cell, guest, result)
        check_frames(cell, guest, result)
        check_counters(cell, guest, result)
        check_fallback(cell, guest, result)
        expect(f"{cell}: flag emulated", "emulated" in result["flags"])
    check_marked(name, run)
    if name == "numa":
        check_job(guest, run)


def main():
    out = pathlib.Path(sys.argv[1])
    guest = Guest(out)
    runs = sorted((out / "runs").iterdir())
    expect("there are runs", runs)
    for run in runs:
        check_run(guest, run)
    for cpus in sorted(out.glob("limited/*.cpus")):
        allowed = {int(c) for c in cpus.read_text().split()}
        check_run(Guest(out, allowed), cpus.with_suffix(""))


main()
