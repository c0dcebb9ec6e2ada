#!/usr/bin/env python3
"""Decides quacky's pairs with Z3 and says how long that took, beside Remit's own prover.

    test/conformance/install z3
    .tools/z3/bin/python test/conformance/z3_quacky.py CORPORA

Both decide "does A allow a request that B does not" for every pair, both ways: 560 questions.
The encoding is the plain one: a string for each of action, resource, principal and key, a
regular expression for each pattern, an integer for an address. It is checked against
verdicts.json, like Remit's answers.
"""
import ipaddress, json, os, re, subprocess, sys, time
import z3

STRING = z3.StringSort()
ACTION, RESOURCE, WHO = z3.String("action"), z3.String("resource"), z3.String("who")
ANY = z3.Full(z3.ReSort(STRING))


def pattern(text):
    parts = []
    for piece in re.split(r"([*?])", text):
        if piece == "*":
            parts.append(ANY)
        elif piece == "?":
            parts.append(z3.AllChar(z3.ReSort(STRING)))
        elif piece:
            parts.append(z3.Re(z3.StringVal(piece)))
    if not parts:
        return z3.Re(z3.StringVal(""))
    return parts[0] if len(parts) == 1 else z3.Concat(*parts)


def listed(value):
    return value if isinstance(value, list) else [value]


def like(variable, values):
    return z3.Or([z3.InRe(variable, pattern(v)) for v in values])


def inside(variable, values):
    ranges = [ipaddress.ip_network(v, strict=False) for v in values]
    return z3.Or([z3.And(variable >= int(r[0]), variable <= int(r[-1])) for r in ranges])


def condition(op, key, values):
    present = z3.Bool("has " + key.lower())
    base = op.split(":")[-1]
    optional, base = base.endswith("IfExists"), base.removesuffix("IfExists")
    negated = "Not" in base
    if "IpAddress" in base:
        value = z3.Int(key.lower())
        fits = inside(value, values)
    elif "Like" in base:
        fits = like(z3.String(key.lower()), values)
    else:
        fits = z3.Or([z3.String(key.lower()) == z3.StringVal(v) for v in values])
    if negated:
        return z3.Or(z3.Not(present), z3.Not(fits))
    if optional or op.startswith("ForAllValues"):
        return z3.Or(z3.Not(present), fits)
    return z3.And(present, fits)


def principal(value):
    names = ["*"] if value == "*" else [n for kind in value.values() for n in listed(kind)]
    return z3.Or([z3.BoolVal(True) if n == "*" else WHO == z3.StringVal(n) for n in names])


def statement(s):
    parts = []
    for element, variable, lower in (("Action", ACTION, True), ("Resource", RESOURCE, False)):
        for key in (element, "Not" + element):
            if key in s:
                values = [v.lower() if lower else v for v in listed(s[key])]
                parts.append(like(variable, values) if key == element else z3.Not(like(variable, values)))
    if "Principal" in s:
        parts.append(principal(s["Principal"]))
    if "NotPrincipal" in s:
        parts.append(z3.Not(principal(s["NotPrincipal"])))
    for op, keys in s.get("Condition", {}).items():
        for key, values in keys.items():
            parts.append(condition(op, key, listed(values)))
    return z3.And(parts)


def allows(document):
    statements = listed(document["Statement"])
    by = lambda effect: z3.Or([statement(s) for s in statements if s["Effect"] == effect])
    return z3.And(by("Allow"), z3.Not(by("Deny")))


def exceeds(a, b):
    solver = z3.Solver()
    solver.set("timeout", 10_000)
    solver.add(allows(a), z3.Not(allows(b)))
    answer = solver.check()
    return None if answer == z3.unknown else answer == z3.sat


def main():
    root = os.path.join(sys.argv[1], "quacky")
    read = lambda name: json.load(open(os.path.join(root, name)))
    pairs = read("verdicts.json")
    wrong = unknown = 0
    started = time.perf_counter()
    for p in pairs:
        before, after = read(p["before"]), read(p["after"])
        for a, b, want in ((before, after, p["before_not_within_after"]), (after, before, p["after_not_within_before"])):
            got = exceeds(a, b)
            unknown += got is None
            wrong += got is not None and got != want
    z3_seconds = time.perf_counter() - started
    print(f"z3 {z3.get_version_string():8} {2 * len(pairs)} questions, {wrong} wrong, {unknown} unknown, {z3_seconds:8.3f} s")
    go = subprocess.run(
        ["go", "test", "./iam/proof", "-run", "TestQuackysPairsAreAllDecidedRight", "-v", "-count=1"],
        env={**os.environ, "REMIT_CORPORA": os.path.abspath(sys.argv[1]), "REMIT_CONFORMANCE": "1"}, capture_output=True, text=True)
    line = re.search(r"(\d+) questions, (\d+) wrong, (\d+) unknown, ([0-9.]+) s", go.stdout)
    if go.returncode or not line:
        sys.exit("remit's prover failed:\n" + go.stdout + go.stderr)
    print(f"remit       {line[0]}, {z3_seconds / float(line[4]):.0f} times as fast")
    if wrong:
        sys.exit("the encoding above no longer agrees with verdicts.json")


main()
