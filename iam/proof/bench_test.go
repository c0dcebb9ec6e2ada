package proof

import (
	"fmt"
	"testing"

	"remit/iam"
)

// lane is an execution role's policy as grants writes them, and its boundary.
func lane(name string, tools int) (policy, boundary iam.Document) {
	arn := func(service, rest string) string { return "arn:aws:" + service + ":us-east-1:111111111111:" + rest }
	table := arn("dynamodb", "table/"+name+"-memory")
	read := allow("ReadOwnMemory", "dynamodb:GetItem", table,
		iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", "AGENT#"+name+"#*"), iam.When("Null", "dynamodb:LeadingKeys", "false"))
	read.Actions = iam.Of("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem")
	policy = iam.Doc(read,
		allow("OwnLogs", "logs:PutLogEvents", arn("logs", "log-group:/aws/"+name+":*")),
		allow("Traces", "xray:PutTraceSegments", "*"),
		allow("Events", "events:PutEvents", arn("events", "event-bus/loans"), iam.When("StringEquals", "events:detail-type", "LoanAssessed")))
	var functions []string
	for i := range tools {
		functions = append(functions, arn("lambda", fmt.Sprintf("function:%s-tool-%d", name, i)))
	}
	invoke := allow("InvokeTools", "lambda:InvokeFunction", "")
	invoke.Resources = iam.Of(functions...)
	policy.Statements = append(policy.Statements, invoke)
	wide := allow("Ceiling", "", "*")
	wide.Actions = iam.Of("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "logs:*", "xray:Put*", "events:PutEvents")
	boundary = iam.Doc(wide, invoke,
		deny("NoEscalation", "iam:*", "*"), deny("NoAssume", "sts:AssumeRole", "*"),
		deny("OnlyTLS", "*", "*", iam.When("Bool", "aws:SecureTransport", "false")))
	boundary.Statements = boundary.Statements[:4]
	return policy, boundary
}

func BenchmarkAGrantAgainstItsBoundary(b *testing.B) {
	for _, tools := range []int{5, 200} {
		policy, boundary := lane("loan-processor", tools)
		b.Run(fmt.Sprint(tools, "tools"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if a := Subset(policy, boundary, 0); !a.Yes {
					b.Fatalf("%+v", a)
				}
			}
		})
	}
}

func BenchmarkAHundredStatementsOfOneToolEach(b *testing.B) {
	var statements []iam.Statement
	for i := range 100 {
		statements = append(statements, allow(fmt.Sprint("Tool", i), "lambda:InvokeFunction", fmt.Sprint("arn:aws:lambda:us-east-1:111111111111:function:tool-", i)))
	}
	d := iam.Doc(statements...)
	b.ReportAllocs()
	for b.Loop() {
		if a := Subset(d, d, 0); !a.Yes {
			b.Fatalf("%+v", a)
		}
	}
}

// FuzzSearch holds that no two documents make the prover panic or hang, and that a no
// carries a request that shows it.
func FuzzSearch(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"a*${aws:x}?b"}}`), []byte(`{"Statement":{"Effect":"Allow","NotAction":"s3:g?t","NotResource":"*","Condition":{"ForAnyValue:ArnLike":{"k:a":"arn:*:?:::x"}}}}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		a, err := iam.ParseDocument(first)
		b, wrong := iam.ParseDocument(second)
		if err != nil || wrong != nil {
			return
		}
		s := Search{Within: []iam.Document{a}, Beyond: []iam.Document{b}, Budget: 20_000}
		if answer := s.Run(); answer.Witness != nil && s.shows(*answer.Witness) != nil {
			t.Fatalf("a witness that shows nothing: %s", Sentence(*answer.Witness))
		}
	})
}
