package verify

import (
	"encoding/json"
	"strings"
	"testing"

	"remit/iam"
	"remit/platform"
	"remit/terms"
)

// sarif is the part of a SARIF 2.1.0 log that the standard requires (sarif-v2.1.0-os, §3.13,
// §3.14, §3.18, §3.27, §3.49) and code hosts read.
type sarif struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name, Version string
				Rules         []struct {
					ID               string
					ShortDescription struct{ Text string }
				}
			}
		}
		ColumnKind string
		Results    []struct {
			RuleID              string
			RuleIndex           int
			Level               string
			Message             struct{ Text string }
			PartialFingerprints map[string]string
			Locations           []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           *struct{ StartLine, StartColumn int }
				}
			}
			Suppressions []struct{ Kind, Status, Justification string }
		}
	}
}

func TestTheSARIFLogIsWhatTheStandardAsksFor(t *testing.T) {
	c := waived("")
	c.Platform.Waivers = []platform.Waiver{{Rule: "boundary", Role: "r", Digest: Judge(c, boundary).Findings[0].Digest, Why: "until the move", Owner: "security", Until: "2027-01-31"}}
	c.World.Roles = append(c.World.Roles, iam.Role{ARN: "arn:aws:iam::111111111111:role/s", From: terms.Pos{File: "stack.json", Line: 3, Col: 7}})
	report := Judge(c, boundary)
	var log sarif
	if err := json.Unmarshal(report.SARIF("1"), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-schema-2.1.0.json") || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name != "remit" || log.Runs[0].ColumnKind != "unicodeCodePoints" {
		t.Errorf("a code host refuses this log: %+v", log)
	}
	run := log.Runs[0]
	if len(run.Results) != 2 {
		t.Fatalf("%d results, want the open finding and the accepted one", len(run.Results))
	}
	for _, r := range run.Results {
		if rule := run.Tool.Driver.Rules[r.RuleIndex]; rule.ID != r.RuleID || rule.ShortDescription.Text == "" {
			t.Errorf("result %s points at rule %s, so its reader is told another rule's reason", r.RuleID, rule.ID)
		}
		if r.Message.Text == "" || r.Level != "error" || r.PartialFingerprints["remit/v1"] == "" {
			t.Errorf("a result without message, level or fingerprint: %+v", r)
		}
	}
	if open := run.Results[0]; len(open.Suppressions) != 0 || len(open.Locations) != 1 || open.Locations[0].PhysicalLocation.ArtifactLocation.URI != "stack.json" || open.Locations[0].PhysicalLocation.Region.StartLine != 3 {
		t.Errorf("the finding is not shown beside its line: %+v", open)
	}
	if accepted := run.Results[1]; len(accepted.Suppressions) != 1 || accepted.Suppressions[0].Kind != "external" || !strings.Contains(accepted.Suppressions[0].Justification, "security") {
		t.Errorf("an accepted finding is shown as open, or without who accepted it: %+v", accepted)
	}
}

func TestAnEmptyReportIsStillALog(t *testing.T) {
	if text := string(Report{}.SARIF("1")); !strings.Contains(text, `"results": []`) {
		t.Errorf("results are null, which a code host reads as a run that failed:\n%s", text)
	}
}
