package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestAnEffectHappensOnceAndItsResultIsOpenedForARepeat(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	const flag = `{"application_id":"A-1007","reason":"thin file"}`
	var first, again outcome
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		first = l.call(o.Token, "flag_for_review", flag, `{"flag_id":"FLG-7","status":"open","queue":4}`)
	})
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		again = l.call(o.Token, "flag_for_review", flag, `{"flag_id":"FLG-8","status":"open"}`)
	})
	if first.Sent == nil || !strings.Contains(string(first.Got.Result), "FLG-7") {
		t.Fatalf("the first call: %+v", first)
	}
	if again.Sent != nil || string(again.Got.Result) != string(first.Got.Result) {
		t.Errorf("a second flag was raised, or the repeat sees another result: %+v, %s", again.Sent, again.Got.Result)
	}
}

func TestARecommendationWaitsSealedForItsUser(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	const rationale = "income was verified twice"
	w.execution("sam", "loan-processor", "underwriting", func(o opened) {
		got := l.call(o.Token, "generate_recommendation", `{"application_id":"A-1007","recommendation":"approve","rationale":"`+rationale+`","conditions":["no other loan"]}`, `{"recommendation_id":"R-1"}`)
		if got.Sent != nil || !strings.Contains(string(got.Got.Result), `"status":"pending"`) {
			t.Fatalf("a recommendation is written that nobody confirmed: %+v, %s", got, got.Got.Result)
		}
		var result struct {
			Meta map[string]string `json:"_meta"`
		}
		if err := json.Unmarshal(got.Got.Result, &result); err != nil {
			t.Fatal(err)
		}
		if found := w.items("no other loan"); len(found) > 0 {
			t.Errorf("whoever reads the ledger reads the arguments: %v", found)
		}
	})
}

// items are the ledger's items that hold a text in the clear.
func (w *world) items(text string) []string {
	w.t.Helper()
	var out []string
	pages := sdk.NewScanPaginator(w.client(), &sdk.ScanInput{TableName: aws.String(w.site.Ledger())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, item := range page.Items {
			for name, value := range item {
				switch v := value.(type) {
				case *types.AttributeValueMemberS:
					if strings.Contains(v.Value, text) {
						out = append(out, name)
					}
				case *types.AttributeValueMemberB:
					if strings.Contains(string(v.Value), text) {
						out = append(out, name)
					}
				}
			}
		}
	}
	return out
}

// loanBook is the lender's table, with more about a decision than an agent may see.
func (w *world) loanBook() {
	w.t.Helper()
	key := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	w.create(&sdk.CreateTableInput{
		TableName: aws.String("loan-decisions"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{text("month"), text("application_id")},
		KeySchema:            []types.KeySchemaElement{key("month", types.KeyTypeHash), key("application_id", types.KeyTypeRange)},
	})
	for id, month := range map[string]string{"A-1007": "2026-10", "A-1008": "2026-10", "A-2001": "2026-09"} {
		item := map[string]types.AttributeValue{}
		for name, value := range map[string]string{"month": month, "application_id": id, "decided_at": month + "-02", "outcome": "approved", "applicant": "Jo Example"} {
			item[name] = &types.AttributeValueMemberS{Value: value}
		}
		if _, err := w.client().PutItem(context.Background(), &sdk.PutItemInput{TableName: aws.String("loan-decisions"), Item: item}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// reach asks the lane's reach function as AgentCore's gateway asks a Lambda target.
func (l *lane) reach(f *Function, headers map[string]string, arguments string) ([]byte, error) {
	l.w.t.Helper()
	propagated := documents(l.w.t, "", headers)[""]
	client := documents(l.w.t, "", map[string]any{"custom": map[string]string{
		"bedrockAgentCoreToolName": "read-loan-book___read_loan_book", "bedrockAgentCorePropagatedHeaders": string(propagated),
	}})[""]
	return f.Call(context.Background(), Event{Payload: []byte(arguments), ClientContext: client})
}

func TestAReachReadsTheDeclaredAttributesOfOneMonthForTheUserWhoAsked(t *testing.T) {
	w := withTables(t)
	w.loanBook()
	l := w.lane("compliance-reporter", "stable")
	f := w.function("reach", l.LaneSite.Role("reach"), documents(t, "reaches.json", w.p.Reached(l.Running)), l.reachEnvironment(), time.Minute)
	w.execution("cleo", "compliance-reporter", "compliance_reporting", func(o opened) {
		before := l.call(o.Token, "read_loan_book", `{"month":"2026-10"}`, `{}`)
		if before.Sent == nil {
			t.Fatalf("the call was refused: %+v", before.Got.Error)
		}
		text, err := l.reach(f, before.Sent.Headers, `{"month":"2026-10"}`)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Decisions []map[string]string }
		if err := json.Unmarshal(text, &got); err != nil || len(got.Decisions) != 2 {
			t.Fatalf("two decisions were made that month: %s, %v", text, err)
		}
		for _, decision := range got.Decisions {
			if names := slices.Sorted(maps.Keys(decision)); !slices.Equal(names, []string{"application_id", "decided_at", "month", "outcome"}) {
				t.Errorf("an applicant is shown to a reporter: %v", names)
			}
		}
		strange := maps.Clone(before.Sent.Headers)
		strange["X-Remit-Lane"] = "meridian.dev.loan-processor.stable"
		var failure *FunctionError
		if _, err := l.reach(f, strange, `{"month":"2026-10"}`); !errors.As(err, &failure) || !strings.Contains(failure.Message, "another lane's") {
			t.Errorf("another lane's call reaches the table: %v", err)
		}
	})
}
