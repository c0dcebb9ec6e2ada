package lambda

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/test/lambda/cloud"
)

// refused asks the intended IAM about every call that built functions made in a test, and
// says what it would not allow. The cloud here allows everyone everything; an account
// would not.
func (w *world) refused() []string {
	intended, asked, out := grants.Intended(w.p, w.e.Name), map[string]bool{}, []string{}
	for _, c := range w.cloud.Calls() {
		r := iam.Request{Principal: iam.ARN(c.By), Action: c.Action, Resource: w.resource(c), Context: c.Context}
		said := fmt.Sprintf("%s\n  asks for %s\n  on %s\n  with %v", r.Principal, r.Action, r.Resource, r.Context)
		if asked[said] {
			continue
		}
		asked[said] = true
		if v := intended.Eval(r); v != iam.Allowed {
			out = append(out, fmt.Sprintf("deployed, this would fail (%s): %s", v, said))
		}
	}
	return out
}

func TestAFunctionThatAsksForMoreThanItsRoleMayIsFound(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	for name, f := range map[string]**Function{"request": &l.request, "response": &l.response} {
		mine := *f
		others := map[string]string{"request": "response", "response": "request"}[name]
		*f = &Function{Name: mine.Name, Task: mine.Task, Timeout: mine.Timeout, Environment: maps.Clone(mine.Environment), Log: w.logs}
		maps.Copy((*f).Environment, w.cloud.Environment(l.LaneSite.Role(others)))
		t.Cleanup((*f).Close)
	}
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		if got := l.call(o.Token, "flag_for_review", `{"application_id":"A-1007","reason":"thin file"}`, `{"flag_id":"F-1"}`); got.Sent == nil {
			t.Errorf("the cloud refused: %+v", got.Got.Error)
		}
	})
	found := strings.Join(w.refused(), "\n")
	for _, part := range []string{"on " + w.site.TableARN(w.site.Directory()), "asks for kms:Sign"} { // the request side's alone
		if !strings.Contains(found, part) {
			t.Errorf("with its neighbour's role a function %s, and nobody notices:\n%s", part, found)
		}
	}
	w.cloud.Forget()
}

// keys are the cloud's keys by the ids of the account's.
var keys = map[string]string{cloud.DelegationKey: platform.DelegationKeyID, cloud.CallKey: platform.CallKeyID, cloud.SealKey: platform.SealKeyID}

// resource is the ARN of what a call is about.
func (w *world) resource(c cloud.Call) string {
	switch service, _, _ := strings.Cut(c.Action, ":"); service {
	case "kms":
		return w.site.KeyARN(keys[c.Resource])
	case "ssm":
		return w.site.ARN("ssm", "parameter"+c.Resource)
	case "dynamodb":
		return w.owner(c).TableARN(c.Resource)
	}
	return c.Resource
}

// owner is the site of the account that whoever asks is in: tables are used from within.
func (w *world) owner(c cloud.Call) platform.Site {
	sites := w.p.Sites(w.e)
	i := slices.IndexFunc(sites, func(s platform.Site) bool { return string(s.Account) == iam.ARN(c.By).Account() })
	if i < 0 {
		return w.site
	}
	return sites[i]
}
