package verify

import (
	"fmt"

	"remit/iam"
	"remit/platform"
	"remit/terms"
)

// Waiver accepts one finding for a while: a reason, an owner and an end.
type Waiver struct {
	Why   string     `json:"why"`
	Owner string     `json:"owner"`
	Until terms.Date `json:"until"`
}

// waiverRule is what an idle waiver breaks. Nothing judges it; applying waivers does.
var waiverRule = Rule{
	ID:       "waiver",
	Sentence: "Every waiver accepts one finding that is still there, reads as it did, and has not ended.",
	Why:      "A waiver that outlives what it was for hides the next thing.",
	Source:   "design §1, finding",
}

// waive parts findings into open and waived ones, and makes a finding of every waiver that
// is past its end, that matches nothing, or that was given for another text.
func waive(found []Finding, c Case) (open, waived, idle []Finding) {
	if c.Platform == nil {
		return found, nil, nil
	}
	used := make([]string, len(c.Platform.Waivers)) // why it does not hold, "" once it does
	for i := range used {
		used[i] = "it matches no finding; remove it"
	}
	for _, f := range found {
		if w := accepted(f, c, used); w != nil {
			f.Waiver = w
			waived = append(waived, f)
			continue
		}
		open = append(open, f)
	}
	for i, why := range used {
		if why != "" {
			w := c.Platform.Waivers[i]
			idle = append(idle, Finding{Rule: waiverRule.ID, Role: iam.ARN(w.Role), Sid: w.Sid, Declared: c.Platform.Places.Of(fmt.Sprintf("waivers[%d]", i)),
				Sentence: fmt.Sprintf("the waiver for %s on %s does not hold: %s", w.Rule, w.Role, why)})
		}
	}
	return open, waived, idle
}

// accepted is the waiver that holds for a finding. A waiver is for one finding: once used
// it accepts no second one.
func accepted(f Finding, c Case, used []string) *Waiver {
	for i, w := range c.Platform.Waivers {
		if used[i] == "" || !speaksOf(w, f) {
			continue
		}
		switch {
		case w.Digest != f.Digest:
			used[i] = fmt.Sprintf("it was given for digest %q, and what it speaks of now reads %s", w.Digest, f.Digest)
		case c.Today == "" || w.Until < c.Today:
			used[i] = "it ended on " + string(w.Until)
		default:
			used[i] = ""
			return &Waiver{Why: w.Why, Owner: w.Owner, Until: w.Until}
		}
	}
	return nil
}

func speaksOf(w platform.Waiver, f Finding) bool {
	return w.Rule == f.Rule && w.Sid == f.Sid && (w.Role == string(f.Role) || w.Role == f.Role.Name())
}
