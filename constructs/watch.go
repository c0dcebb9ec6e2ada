package constructs

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"remit/grants"
	"remit/lambdas/metric"
	"remit/platform"
)

// watched is the function that compares what lanes do with what they did, and the schedule
// that starts it: a minute after each five, when what closed in them has been counted.
func watched(s stack, p *platform.Platform, e platform.Environment, site platform.Site, role awsiam.CfnRole, b Built) {
	text, err := json.Marshal(e.Watched())
	if err != nil {
		panic(err) // numbers always encode
	}
	each := function{
		id: "Watch", name: site.Function("watch"), kind: "watch", says: "compares what lanes of " + e.Name + " do with what they did", role: role,
		documents: map[string][]byte{"watch.json": text}, memory: 512, timeout: 240,
		environment: map[string]*string{"REMIT_LEDGER": jsii.String(site.Ledger()), "REMIT_REGISTRY": jsii.String(platform.RegistryPath(site)), "REMIT_ENVIRONMENT": jsii.String(site.Named())},
	}
	f := functionOf(s, b, e, each)
	silent(s, each, 15)
	awsevents.NewCfnRule(s.Stack, jsii.String("WatchSchedule"), &awsevents.CfnRuleProps{
		Name: jsii.String(site.Function("watch")), Description: jsii.String("Remit: every five minutes, look at each lane"), ScheduleExpression: jsii.String("cron(1/5 * * * ? *)"),
		Targets: []any{map[string]any{"id": "watch", "arn": f.alias.Ref()}},
	})
	invokedBy(s, f, grants.WatchPolicy(p, e, site))
}

// unusual is the alarm of a lane that does not do what it did. Where the watch says nothing,
// its own alarm speaks.
func unusual(s stack, lane platform.Running) {
	name := lane.LaneSite.Stack()
	alarmOf(s, alarm{id: "Unusual", name: name + "-unusual", says: "lane " + lane.Lane + " of " + lane.Agent + " calls more than it did; the log of function " + lane.Function("watch") + " says what",
		namespace: metric.Namespace, metric: "Anomaly", dimensions: laneDimensions(lane), statistic: "Maximum", compared: "GreaterThanOrEqualToThreshold", threshold: 1, minutes: 5, every: 5, silence: "ignore"})
}

func laneDimensions(lane platform.Running) []dimension {
	return []dimension{{metric.Environment, lane.Named()}, {metric.Lane, lane.Term().String()}}
}

// dashboard shows one environment and names no lane: what it shows is found by searching, so a
// new lane is on it by itself (Amazon CloudWatch user guide, search-expression-syntax).
func dashboard(s stack, site platform.Site, closes bool) {
	body, err := json.Marshal(map[string]any{"start": "-P7D", "widgets": widgets(site, closes)})
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	awscloudwatch.NewCfnDashboard(s.Stack, jsii.String("Dashboard"), &awscloudwatch.CfnDashboardProps{
		DashboardName: jsii.String(grants.Dashboard(site)), DashboardBody: jsii.String(string(body)),
	})
}

// graph is one chart: its title and what it searches for or names.
type graph struct {
	title   string
	metrics []any
}

func widgets(site platform.Site, closes bool) []any {
	of := func(title string, metrics ...any) graph { return graph{title, metrics} }
	lane := func(name, statistic string) any {
		return search(`{Remit,Environment,Lane} Environment="`+site.Named()+`" MetricName="`+name+`"`, statistic)
	}
	function := func(name, statistic string) any {
		return search(`{AWS/Lambda,FunctionName} `+named("FunctionName", site)+` MetricName="`+name+`"`, statistic)
	}
	table := func(name, statistic string) any {
		return search(`{AWS/DynamoDB,TableName} TableName="`+site.Ledger()+`" MetricName="`+name+`"`, statistic)
	}
	graphs := []graph{
		of("Lanes: 1 is an alert, 2 a throttle", lane("Anomaly", "Maximum")),
		of("Calls in an hour, and what is usual", lane("CallsPerHour", "Maximum"), lane("ExpectedCallsPerHour", "Maximum")),
		of("Calls per execution", lane("CallsPerExecution", "Maximum")),
		of("Executions in an hour", lane("ExecutionsPerHour", "Maximum")),
		of("Calls refused by policy in an hour", lane("Refused", "Maximum")),
		of("Functions that end in errors", function("Errors", "Sum")),
		of("Functions: how long, 95 of 100", function("Duration", "p95")),
		of("Functions that are throttled", function("Throttles", "Sum")),
		of("Ledger: capacity used", table("ConsumedReadCapacityUnits", "Sum"), table("ConsumedWriteCapacityUnits", "Sum")),
		of("Ledger: requests in conflict or throttled", search(`{AWS/DynamoDB,Operation,TableName} TableName="`+site.Ledger()+`" (MetricName="ThrottledRequests" OR MetricName="TransactionConflict")`, "Sum"),
			table("TransactionConflict", "Sum"), table("ReadThrottleEvents", "Sum"), table("WriteThrottleEvents", "Sum")),
	}
	if closes {
		graphs = append(graphs, of("Events that could not be used", []any{"AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", grants.FailedEventsName(site), map[string]any{"stat": "Maximum"}}))
	}
	var out []any
	for n, g := range graphs {
		out = append(out, map[string]any{
			"type": "metric", "x": 12 * (n % 2), "y": 6 * (n / 2), "width": 12, "height": 6,
			"properties": map[string]any{"title": g.title, "region": site.Region, "view": "timeSeries", "period": 300, "metrics": g.numbered()},
		})
	}
	return out
}

// named finds names that hold each word of the environment's: what stands in quotes is the
// whole of a name, and what does not is a word of it.
func named(designator string, site platform.Site) string {
	return designator + "=" + strings.Join(strings.Split(site.Named(), "-"), " "+designator+"=")
}

// search is every metric that an expression finds.
func search(expression, statistic string) any {
	return []any{map[string]any{"expression": "SEARCH('" + expression + "', '" + statistic + "', 300)"}}
}

// numbered gives each search the id that CloudWatch wants of an expression.
func (g graph) numbered() []any {
	for n, m := range g.metrics {
		if found, is := m.([]any)[0].(map[string]any); is {
			found["id"] = "e" + strconv.Itoa(n+1)
		}
	}
	return g.metrics
}
