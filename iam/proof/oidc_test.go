package proof

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"remit/iam"
	"remit/test/absent"
)

// rule is a vector's trust rule: one string comparison, or several that must all hold.
type rule struct {
	Consumer, Claim string
	Pattern         any
	Of              []rule
}

type vector struct {
	ID, Subject string
	Claims      map[string]any
	Condition   rule
	Expect      string
	Judgment    struct {
		Grade    string
		Patterns []string
	}
}

func vectors(t *testing.T) []vector {
	files, err := filepath.Glob(filepath.Join(absent.Corpus(t, "../..", "oidc-trust"), "*-aws.json"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d suites (%v), want 5", len(files), err)
	}
	var out []vector
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var suite struct{ Vectors []vector }
		if err := json.Unmarshal(text, &suite); err != nil {
			t.Fatal(err)
		}
		out = append(out, suite.Vectors...)
	}
	return out
}

const issuer = "idp.example"

func (r rule) conditions(t *testing.T) []iam.Condition {
	t.Helper()
	if r.Consumer == "aws-all" {
		var out []iam.Condition
		for _, part := range r.Of {
			out = append(out, part.conditions(t)...)
		}
		return out
	}
	op, known := map[string]string{"aws-stringequals": "StringEquals", "aws-stringlike": "StringLike"}[r.Consumer]
	if !known {
		t.Fatalf("unknown consumer %q", r.Consumer)
	}
	var values []string
	switch p := r.Pattern.(type) {
	case string:
		values = []string{p}
	case []any:
		for _, v := range p {
			values = append(values, v.(string))
		}
	}
	claim := r.Claim
	if claim == "" {
		claim = "sub"
	}
	return []iam.Condition{iam.When(op, issuer+":"+claim, values...)}
}

func (v vector) trust(t *testing.T) iam.Document {
	return iam.Doc(iam.Statement{
		Effect: iam.Allow, Actions: iam.Of("sts:AssumeRoleWithWebIdentity"),
		Principals: iam.Principals{Federated: []string{issuer}}, When: v.Condition.conditions(t),
	})
}

func (v vector) request() iam.Request {
	r := iam.Request{Provider: issuer, Action: "sts:AssumeRoleWithWebIdentity", Resource: "arn:aws:iam::111111111111:role/ci", Context: map[string][]string{issuer + ":sub": {v.Subject}}}
	for claim, value := range v.Claims {
		if s, ok := value.(string); ok {
			r.Context[issuer+":"+claim] = []string{s}
		}
	}
	return r
}

func TestTokensAreTrustedAsTheVectorsSay(t *testing.T) {
	all := vectors(t)
	if len(all) < 60 {
		t.Fatalf("only %d vectors", len(all))
	}
	for _, v := range all {
		want := map[string]iam.Verdict{"match": iam.Allowed, "no-match": iam.Denied}[v.Expect]
		if got := v.trust(t).Eval(v.request()); got != want {
			t.Errorf("%s: a token gets %v, want %v", v.ID, got, want)
		}
	}
	t.Logf("%d vectors", len(all))
}

// others are the tokens a trust for one workload must not admit: another subject, or the
// same name on something else, which its immutable ids would show.
func (v vector) others() []iam.Statement {
	out := []iam.Statement{{When: []iam.Condition{iam.When("StringNotEquals", issuer+":sub", v.Subject)}}}
	for claim, value := range v.Claims {
		if id, ok := value.(string); ok && strings.HasSuffix(claim, "_id") {
			out = append(out, iam.Statement{When: []iam.Condition{iam.When("StringNotEquals", issuer+":"+claim, id)}})
		}
	}
	return out
}

// TestADangerousTrustIsSeenToAdmitAnotherToken flags a trust by proof: some token that it
// admits is not the one of its vector.
func TestADangerousTrustIsSeenToAdmitAnotherToken(t *testing.T) {
	flagged := map[string]int{}
	for _, v := range vectors(t) {
		wide := false
		for _, other := range v.others() {
			a := Empty(v.trust(t), []iam.Statement{other}, 0)
			if a.Why != "" {
				t.Errorf("%s: unknown: %s", v.ID, a.Why)
			}
			wide = wide || a.Witness != nil
		}
		flagged[fmt.Sprintf("%q, another token admitted: %v", v.Judgment.Grade, wide)]++
		if v.Judgment.Grade == "dangerous" && !wide {
			t.Errorf("%s: a dangerous trust is not flagged: %v", v.ID, v.Judgment.Patterns)
		}
	}
	for what, n := range flagged {
		t.Logf("%3d %s", n, what)
	}
}
