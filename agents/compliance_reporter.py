#!/usr/bin/env python3
"""Meridian's compliance reporter: the month's lending decisions in numbers. It sees
outcomes, never applicants. `--model bedrock` is not exercised here."""

from collections import Counter

from remit_agent import Call, NotDone, Step, main, outcome, reply, troubles

INSTRUCTIONS = """You summarise the lending decisions of the month you are given, for the fair-lending report.
You see outcomes and never applicants. Read the month's loan book, look up 12 CFR 1002.9, and report numbers only."""

NOTICE = "12 CFR 1002.9"


def script(month: str, _tools: set[str], seen: list[Step]):
    """The book first; without it there is no report."""
    book = outcome(seen, "read_loan_book")
    if book is None:
        return Call("read_loan_book", {"month": month})
    if isinstance(book, NotDone):
        return "\n".join([f"I cannot report on {month}:", *troubles(seen), *(["  " + book.detail] if book.detail else [])])
    if outcome(seen, "lookup_regulation") is None:
        return Call("lookup_regulation", {"citation": NOTICE})
    decisions, rule = book.get("decisions", []), reply(seen, "lookup_regulation")
    counts = Counter(d.get("outcome", "unknown") for d in decisions)
    lines = [f"Lending decisions of {month}: {len(decisions)}"]
    lines += [f"- {name}: {n}" for name, n in sorted(counts.items())]
    if rule:
        lines.append(f"Notices are due under {rule.get('citation')}, {rule.get('title')}, in force since {rule.get('effective')}.")
    return "\n".join(lines + troubles(seen))


if __name__ == "__main__":
    main(__doc__, "the month, such as 2026-10", INSTRUCTIONS, script)
