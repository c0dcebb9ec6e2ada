package verify

import (
	"encoding/json"
	"slices"
)

// SARIF is the report as a Static Analysis Results Interchange Format log, version 2.1.0
// (OASIS, sarif-v2.1.0-os), which code hosts show beside the line. version is the tool's.
// Accepted findings are there too, as suppressed results.
func (r Report) SARIF(version string) []byte {
	var rules []map[string]any
	index := map[string]int{}
	for i, rule := range append(slices.Clone(Rules), waiverRule) {
		index[rule.ID] = i
		rules = append(rules, map[string]any{
			"id": rule.ID, "shortDescription": text(rule.Sentence), "fullDescription": text(rule.Sentence + " " + rule.Why), "help": text("Source: " + rule.Source),
		})
	}
	results := []map[string]any{}
	for _, f := range append(slices.Clone(r.Findings), r.Waived...) {
		results = append(results, result(f, index[f.Rule]))
	}
	log := map[string]any{
		"$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		"version": "2.1.0",
		"runs": []map[string]any{{
			"tool":       map[string]any{"driver": map[string]any{"name": "remit", "version": version, "rules": rules}},
			"columnKind": "unicodeCodePoints",
			"results":    results,
			"properties": map[string]any{"world": r.World},
		}},
	}
	out, err := json.MarshalIndent(log, "", "  ")
	if err != nil { // strings, numbers and lists of them: cannot happen
		return nil
	}
	return append(out, '\n')
}

func text(words string) map[string]any { return map[string]any{"text": words} }

func result(f Finding, rule int) map[string]any {
	out := map[string]any{
		"ruleId": f.Rule, "ruleIndex": rule, "level": "error", "message": text(shortName(f.Role, nil) + ": " + f.Sentence),
		"partialFingerprints": map[string]any{"remit/v1": f.Digest},
		"properties":          map[string]any{"finding": f},
	}
	if location := locationOf(f); location != nil {
		out["locations"] = []any{location}
	}
	if f.Waiver != nil {
		out["suppressions"] = []any{map[string]any{"kind": "external", "status": "accepted", "justification": f.Waiver.Why + " (" + f.Waiver.Owner + ", until " + string(f.Waiver.Until) + ")"}}
	}
	return out
}

// locationOf is the declaration's line, or where none is known the template.
func locationOf(f Finding) map[string]any {
	at := f.Declared
	if at.File == "" {
		at = f.At
	}
	if at.File == "" {
		return nil
	}
	physical := map[string]any{"artifactLocation": map[string]any{"uri": at.File}}
	if at.Line > 0 {
		region := map[string]any{"startLine": at.Line}
		if at.Col > 0 {
			region["startColumn"] = at.Col
		}
		physical["region"] = region
	}
	return map[string]any{"physicalLocation": physical}
}
