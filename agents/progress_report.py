#!/usr/bin/env python3
"""Lumen's progress report: drafts one client's report for a month, for the analyst to sign.
It gives no diagnosis. It uses models directly, and names its execution in each request."""

import calendar

from remit_agent import Call, NotDone, Step, main, outcome, reply, troubles

INSTRUCTIONS = """You draft the progress report of the one client and month you are given, from session data, assessments
and treatment plan. You give no diagnosis and change no plan. File the draft if you may; the analyst reviews and signs it."""


def script(task: str, tools: set[str], seen: list[Step]):
    """Read, then draft. A report without session data is not written."""
    client, period = (task.split() + [""])[:2]
    try:
        year, month = (int(part) for part in period.split("-"))
        last = calendar.monthrange(year, month)[1]
    except (ValueError, IndexError):
        return "I need a client and a month, such as C-11 2026-10."
    mine = {"client_id": client}
    for tool, arguments in (("get_session_data", mine | {"from": f"{period}-01", "to": f"{period}-{last}"}), ("get_assessments", mine), ("get_treatment_plan", mine)):
        came = outcome(seen, tool)
        if came is None:
            return Call(tool, arguments)
        if isinstance(came, NotDone) and tool == "get_session_data":
            return "\n".join([f"I cannot read the sessions of client {client}:", *troubles(seen), "Nothing was drafted."])
    body = "\n".join(report(client, period, seen))
    if "draft_progress_report" in tools and outcome(seen, "draft_progress_report") is None:
        return Call("draft_progress_report", mine | {"period": period, "body": body, "rationale": f"the analyst asked for the report of {period}"})
    filed = reply(seen, "draft_progress_report")
    if filed.get("status") == "pending":
        end = "It waits for your approval, and is filed only then."
    elif filed:
        end = f"It is filed as {filed.get('report_id')} ({filed.get('status')}), for you to review and sign."
    else:
        end = "I may not file it now; here it is for you to review."
    return "\n".join([body, *troubles(seen), end])


def report(client: str, period: str, seen: list[Step]) -> list[str]:
    sessions = reply(seen, "get_session_data").get("sessions", [])
    lines = [f"Client {client}, {period}: {len(sessions)} sessions, {sum(s.get('minutes', 0) for s in sessions)} minutes"]
    correct: dict[str, list[int]] = {}
    for target in (t for s in sessions for t in s.get("targets", [])):
        sums = correct.setdefault(target.get("name", "a target"), [0, 0])
        sums[0] += target.get("correct", 0)
        sums[1] += target.get("trials", 0)
    lines += [f"- {name}: {right} of {trials} correct" for name, (right, trials) in sorted(correct.items())]
    for a in reply(seen, "get_assessments").get("assessments", []):
        lines.append(f"- {a.get('instrument')} of {a.get('date')}: " + ", ".join(f"{d.get('name')} {d.get('score')}" for d in a.get("domains", [])))
    plan = reply(seen, "get_treatment_plan").get("plan", {})
    for goal in plan.get("goals", []):
        lines.append(f"- goal {goal.get('name')}: from {goal.get('baseline')} to {goal.get('criterion')}, reviewed {plan.get('reviewed')}")
    return lines


if __name__ == "__main__":
    main(__doc__, "the client and the month, such as C-11 2026-10", INSTRUCTIONS, script)
