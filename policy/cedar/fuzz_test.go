package cedar

import (
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"remit/policy"
)

// FuzzWords puts any text where declared names stand: what is rendered is exactly one
// policy about exactly that tool, and it allows exactly the one role and purpose.
func FuzzWords(f *testing.F) {
	for _, s := range []string{
		"plain", `") || true; permit(principal, action, resource) when { ("`, `a\`, `\"`, "*", `\*`, "a\nb", "\r\n\t\x00", "// no", "/* no", "é\u202e\u0301", "$", "${x}", "'", `\u{2a}`, "\ufeff", "a*b",
	} {
		f.Add(s, s, s, s)
		f.Add("tool", "role", s, "id")
	}
	f.Fuzz(func(t *testing.T, tool, role, purpose, id string) {
		b := small()
		b.Lane.Agent = "x" + id
		file := b.Tools["file"]
		file.Target, file.Callers = tool, []string{role}
		b.Tools = map[string]*policy.Tool{tool: file}
		b.Callers, b.Purposes = []string{role, "other"}, []string{purpose, "another"}
		b.Constraints = []policy.Constraint{{ID: id, When: policy.When{UserRole: "other", UserRoles: []string{"other"}}, Forbid: policy.Forbid{Tools: []string{tool}}}}
		policies, err := Render(&b, someGateway)
		if err != nil || len(policies) == 0 {
			return
		}
		if err := invalid(t, &b, policies); err != nil {
			t.Fatal(err)
		}
		action := tool + "___" + tool
		for _, p := range policies {
			parsed, err := cedar.NewPolicyListFromBytes("", []byte(p.Statement))
			if err != nil || len(parsed) != 1 || !policyName.MatchString(p.Name) || len(p.Name) > MaxName {
				t.Fatalf("%s is %d policies (%v)\n%s", p.Name, len(parsed), err, p.Statement)
			}
		}
		e := newEngine(t, b, someGateway, nil)
		ask := func(action, roles, purpose string) bool {
			ok, _ := e.decides(point{gateway: someGateway, action: action, tenant: texts("north")[0], purpose: texts(purpose)[0], rolesTag: types.String(roles)})
			return ok
		}
		if want := role != "other"; ask(action, "."+role+".", purpose) != want {
			t.Errorf("the declared call is allowed: %v\n%s", !want, policies[0].Statement)
		}
		if ask(action+"x", "."+role+".", purpose) || ask(action, "."+role+"x.", purpose) || ask(action, ".x"+role+".", purpose) || purpose != "anotherx" && ask(action, "."+role+".", purpose+"x") ||
			strings.Contains(role, "*") && ask(action, "."+strings.ReplaceAll(role, "*", "xx")+".", purpose) {
			t.Errorf("a call that was not declared is allowed\n%s", policies[0].Statement)
		}
	})
}
