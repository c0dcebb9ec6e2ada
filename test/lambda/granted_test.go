package lambda

import (
	"fmt"
	"slices"
	"strings"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/test/lambda/cloud"
)

// granted asks the intended IAM about every call that a built function made in a test. The
// cloud here allows everyone everything; an account would not.
func (w *world) granted() {
	w.t.Helper()
	intended, seen := grants.Intended(w.p, w.e.Name), map[string]bool{}
	for _, c := range w.cloud.Calls() {
		r := iam.Request{Principal: iam.ARN(c.By), Action: c.Action, Resource: w.resource(c), Context: c.Context}
		if said := fmt.Sprint(r); seen[said] {
			continue
		} else {
			seen[said] = true
		}
		if v := intended.Eval(r); v != iam.Allowed {
			w.t.Errorf("deployed, this would fail (%s): %s\n  asks for %s\n  on %s\n  with %v", v, c.By, c.Action, r.Resource, c.Context)
		}
	}
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
