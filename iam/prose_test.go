package iam

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// reasons are a request's reasons as lines.
func reasons(w World, r Request) string {
	var out strings.Builder
	for _, reason := range w.Explain(r) {
		fmt.Fprintf(&out, "%s %s: %s\n", reason.Verdict, strings.TrimSpace(reason.Document), reason.Sentence)
	}
	return out.String()
}

func TestEveryReasonIsNamedAndEverySilenceToo(t *testing.T) {
	const target ARN = "arn:aws:iam::111111111111:role/target"
	titled := may("*", "*")
	titled.Why = "it may"
	unreadable := may("*", "*", When("StringSounds", "k:v", "x"))
	doubted := mayNot("*", "*", When("StringSounds", "k:v", "x"))
	anonymous := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x", ResourceAccount: "111111111111"}
	roles := having()
	roles.Roles = append(roles.Roles, Role{ARN: target, Trust: Doc()})
	for name, c := range map[string]struct {
		world   World
		request Request
		want    string
	}{
		"nothing says anything": {having(), get(ours), `deny identity: no statement of the caller's own policies allows it
`},
		"with a reason":             {having(titled), get(ours), "allow identity: identity allows it: May, it may\n"},
		"without a name":            {having(Statement{Effect: Allow, Actions: Of("*"), Resources: Of("*")}), get(ours), "allow identity: identity allows it: a statement without Sid\n"},
		"with a reason and no name": {having(Statement{Why: "it may", Effect: Allow, Actions: Of("*"), Resources: Of("*")}), get(ours), "allow identity: identity allows it: a statement without Sid\n"},
		"a denial, an allow":        {having(may("*", "*"), mayNot("*", "*")), get(ours), "deny identity: identity denies it: MayNot\nallow identity: identity allows it: May\n"},
		"an unreadable allow":       {having(unreadable), get(ours), "unknown identity: identity may decide it, but cannot be read for certain: May\n"},
		"an unreadable denial":      {having(may("*", "*"), doubted), get(ours), "unknown identity: identity may decide it, but cannot be read for certain: MayNot\nallow identity: identity allows it: May\n"},
		"another account's thing, and nobody gives it": {having(may("*", "*")), get(other), `deny resource: no policy of the resource allows it
allow identity: identity allows it: May
`},
		"another account gives it, and the caller may not": {having().on(other, may("*", other).by(string(us))), get(other), `deny identity: no statement of the caller's own policies allows it
allow resource: resource allows it: May
`},
		"given to the role, behind a boundary that is silent": {having().bounded().on(ours, may("*", ours).by(string(us))), get(ours), `deny boundary: the boundary does not allow it
allow resource: resource allows it: May
`},
		"a role whose trust is silent": {roles, assume(target), `deny identity: no statement of the caller's own policies allows it
deny resource: no policy of the resource allows it
`},
		"the anonymous": {World{}.on("arn:aws:s3:::b", may("*", "arn:aws:s3:::b/*").by("111111111111")), anonymous, "deny resource: no policy of the resource allows it\n"},
	} {
		if got := reasons(c.world, c.request); got != c.want {
			t.Errorf("%s:\n%swant\n%s", name, got, c.want)
		}
	}
}

// TestEveryKindOfStatementReadsAloud is one of each that the printer knows.
func TestEveryKindOfStatementReadsAloud(t *testing.T) {
	every := Statement{
		Sid: "Every", Effect: Allow, Actions: Of("aa:Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bb:Bbbb", "cc:Cccccc"), Resources: Match{Not: true, Of: []string{"arn:a", "arn:b"}},
		When: []Condition{
			When("Null", "k:absent", "true"), When("Null", "k:either", "false", "true"), When("Null", "k:present", "false"), When("StringEquals", "k:one", "x"), When("StringEquals", "k:two", "x", "y"),
			When("StringNotEquals", "k:three", "x", "y"), When("ForAnyValue:StringLike", "k:any", "x*"), When("ForAllValues:StringEqualsIfExists", "k:all", "x"), When("Bool", "k:bool", "true"), When("Bool", "k:untrue", "false"),
			When("NumericLessThan", "k:n", "5"), When("StringLike", "k:literally", "true"),
		},
	}
	w := World{
		Roles: []Role{{
			ARN: "arn:aws:iam::111111111111:role/odd", Managed: []ARN{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, Session: 90 * time.Minute,
			Trust:  Doc(Statement{Sid: "NotThem", Principals: Principals{Not: true, AWS: []string{"222222222222"}, Federated: []string{"idp"}}, Actions: Of("sts:AssumeRole")}),
			Policy: Doc(every),
		}, {ARN: "arn:aws:iam::111111111111:role/silent", Session: 2 * time.Hour, Policy: Doc(Statement{Sid: "Nothing", Resources: Of("*")})}},
		Policies: []Policy{
			{ARN: "arn:aws:iam::111111111111:policy/p", Kind: "managed", Document: Doc(may("a:b", "*"))},
			{ARN: "arn:aws:s3:::b", Kind: "AWS::S3::Bucket", Document: Doc(may("a:b", "*").by("*", "222222222222"))},
		},
	}
	got := w.Text(View{InEffect: map[ARN][]Note{"arn:aws:iam::111111111111:role/silent": {{"does", []string{"nothing"}}, {"becomes", []string{strings.Repeat("a", 50), strings.Repeat("b", 50), "c"}}}}})
	const want = `
role /odd                                                         session 1h30m   policy 585 of 10240 characters
  boundary  NONE
  attached  arn:aws:iam::aws:policy/ReadOnlyAccess   (text not here)
  trusted by
    never all but principal 222222222222                                  NotThem
    never all but provider idp
      for   sts:AssumeRole
  may
    aa:Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bb:Bbbb         Every
    cc:Cccccc
      on    all but arn:a
            arn:b
      when  k:absent is absent
            if present each k:all = x
            any k:any like x*
            k:bool is true
            k:either Null {false, true}
            k:literally like true
            k:n NumericLessThan 5
            k:one = x
            k:present is present
            k:three not in {x, y}
            k:two in {x, y}
            k:untrue is false

role /silent                                                      session 2h   policy 89 of 10240 characters
  boundary  NONE
  trusted by
  may never
    (no action)                                                           Nothing
      on    *
  so in effect
    does      nothing
    becomes   aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
              bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, c

managed policy /p                                                 103 of 6144 characters
  may
    a:b                                                                   May
      on    *

resource policy of arn:aws:s3:::b   (AWS::S3::Bucket)
  may
    a:b                                                                   May
      by    principal *
            principal 222222222222
      on    *
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestWordsAreWrappedAtTheWidthAndNotBefore(t *testing.T) {
	for _, c := range []struct {
		width int
		want  string
	}{{10, "aaaa, bbbb|cc"}, {9, "aaaa|bbbb, cc"}, {8, "aaaa|bbbb, cc"}, {7, "aaaa|bbbb|cc"}, {14, "aaaa, bbbb, cc"}, {13, "aaaa, bbbb|cc"}} {
		if got := strings.Join(wrap([]string{"aaaa", "bbbb", "cc"}, ", ", c.width), "|"); got != c.want {
			t.Errorf("at %d: %s, want %s", c.width, got, c.want)
		}
	}
}
