#!/usr/bin/env python3
"""Meridian's loan processor: assembles the evidence for one application and proposes. It
never decides. `--model bedrock` is not exercised here."""

from remit_agent import Call, NotDone, Step, main, outcome, reply, troubles

INSTRUCTIONS = """You assemble the evidence for a loan decision on the one application you are given, and propose
a recommendation to an underwriter. You never decide. Read the credit report and the base risk scenario; look up 12 CFR 1002.9.
If you may record a recommendation, record it with its rationale; otherwise flag the application for review."""

NOTICE = "12 CFR 1002.9"  # what an applicant must be told


def script(application: str, tools: set[str], seen: list[Step]):
    """Evidence first; without it nothing is proposed."""
    mine = {"application_id": application}
    for tool, arguments in (("pull_credit_report", mine), ("query_risk_model", mine | {"scenario": "base"}), ("lookup_regulation", {"citation": NOTICE})):
        came = outcome(seen, tool)
        if came is None:
            return Call(tool, arguments)
        if isinstance(came, NotDone) and tool != "lookup_regulation":
            return "\n".join([f"I cannot assemble the evidence for application {application}:", *troubles(seen), "Nothing was proposed."])
    write = next((t for t in ("generate_recommendation", "flag_for_review") if t in tools), None)
    if write and outcome(seen, write) is None:
        if write == "flag_for_review":
            return Call(write, mine | {"reason": "the evidence is assembled; a senior underwriter is needed for a recommendation"})
        return Call(write, mine | {"recommendation": proposal(seen), "rationale": rationale(seen)})
    return "\n".join([f"Application {application}", *evidence(seen), *conclusion(seen, write), *troubles(seen), "I do not decide; a senior underwriter does."])


def proposal(seen: list[Step]) -> str:
    score, band = reply(seen, "pull_credit_report").get("score", 0), reply(seen, "query_risk_model").get("risk_band")
    if band == "A" and score >= 740:
        return "approve"
    return "decline" if band in ("D", "E") else "refer"


def rationale(seen: list[Step]) -> str:
    return "; ".join(line.removeprefix("- ") for line in evidence(seen))


def evidence(seen: list[Step]) -> list[str]:
    credit, risk, rule = (reply(seen, t) for t in ("pull_credit_report", "query_risk_model", "lookup_regulation"))
    lines = [
        f"- credit score {credit.get('score', 'unknown')}: {', '.join(credit.get('key_factors', [])) or 'no key factors'}",
        f"- risk band {risk.get('risk_band', 'unknown')}: {', '.join(c.get('code', '') + ' ' + c.get('text', '') for c in risk.get('reason_codes', [])) or 'no reason codes'}",
    ]
    return lines + ([f"- {rule.get('citation')}, {rule.get('title')}: {rule.get('text')}"] if rule else [])


def conclusion(seen: list[Step], write: str | None) -> list[str]:
    done = reply(seen, write) if write else {}
    if done.get("status") == "pending":
        return [f"I propose: {proposal(seen)}. It waits for your approval, and is recorded only then."]
    if write == "generate_recommendation" and done:
        return [f"I propose: {proposal(seen)}. It is {done.get('status')} as {done.get('recommendation_id')}."]
    if write == "flag_for_review" and done:
        return [f"I may not record a recommendation for you. A review is {done.get('status')} as {done.get('flag_id')}."]
    return [f"I would propose: {proposal(seen)}. Nothing was recorded."]


if __name__ == "__main__":
    main(__doc__, "the application, such as A-1007", INSTRUCTIONS, script)
