package verify

import (
	"slices"
	"strings"
	"testing"

	"remit/iam"
)

// amounts is a world in which each thing that a reviewer asks about a role has one answer.
func amounts() iam.World {
	allow := func(sid string, actions, resources []string, when ...iam.Condition) iam.Statement {
		return iam.Statement{Sid: sid, Effect: iam.Allow, Actions: iam.Of(actions...), Resources: iam.Of(resources...), When: when}
	}
	trust := func(principals iam.Principals, when ...iam.Condition) iam.Document {
		return iam.Doc(iam.Statement{Sid: "T", Effect: iam.Allow, Principals: principals, Actions: iam.Of("sts:AssumeRole"), When: when})
	}
	never := iam.Statement{Sid: "NeverSecret", Effect: iam.Deny, Actions: iam.Of("s3:*"), Resources: iam.Of("arn:aws:s3:::b/secret/*")}
	return iam.World{
		Roles: []iam.Role{
			{
				ARN: "arn:aws:iam::111111111111:role/app", Boundary: "arn:aws:iam::111111111111:policy/fence",
				Trust: trust(iam.Principals{AWS: []string{"arn:aws:iam::222222222222:root"}}, iam.When("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::222222222222:role/ci")),
				Policy: iam.Doc(
					allow("Become", []string{"sts:AssumeRole"}, []string{"arn:aws:iam::111111111111:role/next"}),
					allow("Gone", []string{"sqs:SendMessage"}, []string{"arn:aws:sqs:us-east-1:111111111111:q"}),
					allow("Own", []string{"dynamodb:GetItem"}, []string{"arn:aws:dynamodb:us-east-1:111111111111:table/own"}, iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "A#*"), iam.When("Null", "dynamodb:LeadingKeys", "false")),
					allow("Read", []string{"s3:GetObject"}, []string{"arn:aws:s3:::b/*"}),
					allow("Unguarded", []string{"dynamodb:Query"}, []string{"arn:aws:dynamodb:us-east-1:111111111111:table/wide/index/i"}, iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "A#*")),
					never,
				),
			},
			{ARN: "arn:aws:iam::111111111111:role/next", Trust: trust(iam.Principals{AWS: []string{"arn:aws:iam::111111111111:role/app"}, Service: []string{"lambda.amazonaws.com"}}), Policy: iam.Doc(allow("Read", []string{"s3:GetObject"}, []string{"arn:aws:s3:::b/open/*"}))},
			{ARN: "arn:aws:iam::111111111111:role/deploy", Policy: iam.Doc(allow("Hand", []string{"iam:PassRole"}, []string{"arn:aws:iam::111111111111:role/next"}))},
		},
		Policies: []iam.Policy{{ARN: "arn:aws:iam::111111111111:policy/fence", Kind: "managed", Document: iam.Doc(allow("All", []string{"dynamodb:*", "s3:*", "sts:*"}, []string{"*"}))}},
	}
}

func effectText(w iam.World, role iam.ARN) string {
	return iam.View{InEffect: InEffect(w, role)}.Effect(role)
}

func TestAReviewerReadsWhatARoleAmountsToAfterEverythingThatHoldsIt(t *testing.T) {
	for role, want := range map[iam.ARN]string{
		"arn:aws:iam::111111111111:role/app": `  so in effect
    taken by  ci of 222222222222
    does      all that is granted less Gone (the boundary), part of Read (NeverSecret)
    becomes   next
    items     own under A#*, wide under any key
    alone     dynamodb:GetItem, dynamodb:Query, sts:AssumeRole
    not seen  functions, gateways and runtimes, and so who becomes whom through them
`,
		"arn:aws:iam::111111111111:role/next": `  so in effect
    taken by  app, deploy (hands it to lambda.amazonaws.com)
    does      all that is granted
    becomes   nobody else
    not seen  functions, gateways and runtimes, and so who becomes whom through them
`,
		"arn:aws:iam::111111111111:role/deploy": `  so in effect
    taken by  nobody
    does      all that is granted
    becomes   next (hands it to lambda.amazonaws.com)
    alone     iam:PassRole
    not seen  functions, gateways and runtimes, and so who becomes whom through them
`,
	} {
		if got := effectText(amounts(), role); got != want {
			t.Errorf("a reviewer is told of %s\n%swant\n%s", role, got, want)
		}
	}
}

func TestWhatAFunctionRunsAsIsAWayOnceTheWorldHoldsTheFunction(t *testing.T) {
	w := amounts()
	w.Resources = []iam.Resource{{ARN: "arn:aws:lambda:us-east-1:111111111111:function:next", Type: "AWS::Lambda::Function", Account: "111111111111", Settings: map[string][]string{"Role": {"arn:aws:iam::111111111111:role/next"}}}}
	w.Roles[2].Policy.Statements[0].Actions = iam.Of("iam:PassRole", "lambda:UpdateFunctionCode")
	w.Roles[2].Policy.Statements[0].Resources = iam.Of("*")
	got := effectText(w, "arn:aws:iam::111111111111:role/next")
	if want := "taken by  app, deploy (hands it to lambda.amazonaws.com, rewrites it)\n"; !strings.Contains(got, want) || strings.Contains(got, "not seen") {
		t.Errorf("who rewrites a function takes its role, and a reviewer reads\n%swant %s", got, want)
	}
}

func TestWhatNobodyCouldDecideIsNeverCalledTheWholeOrExclusive(t *testing.T) {
	w := amounts()
	w.Roles[0].Policy.Statements[3].When = []iam.Condition{iam.When("StringSounds", "aws:PrincipalTag/t", "x")}
	w.Roles[1].Policy.Statements[0] = iam.Statement{Sid: "Perhaps", Effect: iam.Allow, Actions: iam.Of("sts:AssumeRole"), Resources: iam.Of("arn:aws:iam::111111111111:role/next"), When: []iam.Condition{iam.When("StringSounds", "aws:PrincipalTag/t", "x")}}
	e := Effects(w, w.Roles[0].ARN)[0]
	if text := strings.Join(e.does(), ", "); !strings.Contains(text, "not decided: Read (") {
		t.Errorf("a grant whose condition nobody can read is called %q", text)
	}
	if slices.Contains(e.Alone, "sts:AssumeRole") {
		t.Errorf("another role perhaps may too, and these are called exclusive: %q", e.Alone)
	}
}

func TestManyActionsAndManyWaysAreCounted(t *testing.T) {
	e := Effect{Role: "arn:aws:iam::111111111111:role/r"}
	for _, r := range []string{"a", "b", "c", "d", "e", "f"} {
		e.Becomes = append(e.Becomes, Reached{iam.ARN("arn:aws:iam::111111111111:role/" + r), "passes to lambda.amazonaws.com", 1})
		e.Alone = append(e.Alone, "s3:"+r, "sqs:"+r)
	}
	if got := e.comesTo(); len(got) != 6 || got[0] != "a (hands it to lambda.amazonaws.com)" {
		t.Errorf("few enough to be named: %q", got)
	}
	if got := summed(e.Alone, 12); !slices.Equal(got, e.Alone) {
		t.Errorf("few enough to be named: %q", got)
	}
	e.Becomes, e.Alone = append(e.Becomes, Reached{"arn:aws:iam::111111111111:role/g", "assumes", 2}), append(e.Alone, "s3:g")
	if got, want := e.comesTo(), []string{"7 others: 6 it hands to lambda.amazonaws.com, 1 it reaches through those"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := summed(e.Alone, 12), []string{"7 of s3", "6 of sqs"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARoleThatIsNotThereAmountsToNothing(t *testing.T) {
	if e := Effects(amounts(), "arn:aws:iam::111111111111:role/nobody"); len(e) != 0 {
		t.Errorf("%+v", e)
	}
	if text := effectText(amounts(), "arn:aws:iam::111111111111:role/nobody"); text != "" {
		t.Errorf("a role that does not exist is described:\n%s", text)
	}
}
