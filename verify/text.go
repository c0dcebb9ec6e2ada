package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/iam"
)

// Text is one finding for people: the sentence, the place, the chain drawn, the witness, and
// what to do. Names turns account numbers into what people call them; nil keeps numbers.
func (f Finding) Text(names map[string]string) string {
	var out strings.Builder
	place := f.Declared
	if place.File == "" {
		place = f.At
	}
	fmt.Fprintf(&out, "%s: %s: %s [%s]\n", place, shortName(f.Role, names), f.Sentence, f.Rule)
	if f.Sid != "" {
		fmt.Fprintf(&out, "  statement %s\n", f.Sid)
	}
	if f.Unproven != "" {
		fmt.Fprintf(&out, "  not decided: %s; what nobody proved is not clean\n", f.Unproven)
	}
	for i, hop := range f.Chain {
		arm := "└─"
		if i == 0 {
			arm = "  "
		}
		fmt.Fprintf(&out, "  %s%s %s\n", strings.Repeat("   ", i), arm, strings.TrimSpace(shortName(hop.Of, names)+"  "+hop.How))
	}
	if isRequest(f.Witness) {
		out.WriteString(requestText(f.Witness))
		if f.Half {
			out.WriteString("  this is the role's half; the other account's own policies decide the rest\n")
		}
		if !f.Confirmed {
			out.WriteString("  the evaluator does not confirm this request in the whole world; what refuses it is not part of what was proved\n")
		}
	}
	fmt.Fprintf(&out, "  digest %s\n", f.Digest)
	if f.Waiver != nil {
		fmt.Fprintf(&out, "  accepted until %s by %s: %s\n", f.Waiver.Until, f.Waiver.Owner, f.Waiver.Why)
	}
	return out.String()
}

// shortName is a role as people say it: its account's name and what follows the account.
func shortName(arn iam.ARN, names map[string]string) string {
	account := arn.Account()
	if account == "" {
		return string(arn)
	}
	if name := names[account]; name != "" {
		account = name
	}
	return account + " " + strings.TrimPrefix(arn.Part(5), "role")
}

func requestText(r iam.Request) string {
	var out strings.Builder
	fmt.Fprintf(&out, "  for example %s on %s\n", r.Action, r.Resource)
	for _, key := range slices.Sorted(maps.Keys(r.Context)) {
		if strings.EqualFold(key, "aws:PrincipalArn") || strings.EqualFold(key, "aws:PrincipalAccount") {
			continue
		}
		fmt.Fprintf(&out, "     with %s = %s\n", key, strings.Join(r.Context[key], ", "))
	}
	return out.String()
}

// Text is the whole report: findings, what was accepted, and the world the verdict holds for.
func (r Report) Text(names map[string]string) string {
	var out strings.Builder
	for _, f := range r.Findings {
		out.WriteString(f.Text(names) + "\n")
	}
	if len(r.Waived) > 0 {
		fmt.Fprintf(&out, "accepted for a while:\n")
		for _, f := range r.Waived {
			out.WriteString(f.Text(names) + "\n")
		}
	}
	verdict := "proved, for all requests: none of the rules is broken"
	if n := len(r.Findings); n > 0 {
		verdict = fmt.Sprintf("%d found", n)
	}
	fmt.Fprintf(&out, "%s\n", verdict)
	out.WriteString(r.World.Text())
	return out.String()
}

// Text is the world of a verdict: what was looked at, what was not, and what was assumed.
func (s Seen) Text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "  in this world: %d rules over %d roles, %d policies, %d resources\n", s.Rules, s.Roles, s.Policies, s.Resources)
	for _, part := range []struct {
		title string
		lines []string
	}{{"accounts", s.Accounts}, {"not judged without a declaration", s.NotJudged}, {"not seen", s.NotSeen}, {"assumed", s.Assumes}} {
		if len(part.lines) > 0 {
			fmt.Fprintf(&out, "  %s:\n    - %s\n", part.title, strings.Join(part.lines, "\n    - "))
		}
	}
	return out.String()
}
