package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// alarm is one thing that somebody should look at. Whom it wakes is the company's to attach:
// nothing here notifies anyone.
type alarm struct {
	id, name, says      string
	namespace, metric   string
	dimensions          []dimension
	statistic, compared string
	threshold, minutes  float64
	silence             string // what it means that nothing was measured (PutMetricAlarm API, TreatMissingData)
}

// dimension tells one metric of a name from others.
type dimension struct{ name, value string }

func alarmOf(s stack, a alarm) {
	var dimensions []any
	for _, d := range a.dimensions {
		dimensions = append(dimensions, map[string]any{"name": d.name, "value": d.value})
	}
	awscloudwatch.NewCfnAlarm(s.Stack, jsii.String(a.id), &awscloudwatch.CfnAlarmProps{
		AlarmName: jsii.String(a.name), AlarmDescription: jsii.String("Remit: " + a.says),
		Namespace: jsii.String(a.namespace), MetricName: jsii.String(a.metric), Dimensions: dimensions,
		Statistic: jsii.String(a.statistic), Period: jsii.Number(60), EvaluationPeriods: jsii.Number(a.minutes), Threshold: jsii.Number(a.threshold),
		ComparisonOperator: jsii.String(a.compared), TreatMissingData: jsii.String(a.silence),
	})
}

// failing is a function that ends in an error: for an interceptor that is a denial, for the
// sweep an execution that stays open. What a handler refuses is no error.
func failing(s stack, f function) {
	alarmOf(s, alarm{id: f.id + "Failing", name: f.name + "-failing", says: "function " + f.name + " ends in errors", namespace: "AWS/Lambda", metric: "Errors",
		dimensions: []dimension{{"FunctionName", f.name}}, statistic: "Sum", compared: "GreaterThanThreshold", threshold: 0, minutes: 1, silence: "notBreaching"})
}

// silent is a function that should run each minute and did not for five. What it ends then
// stays taken: the ledger's promise is a lease and one period of the sweep.
func silent(s stack, f function) {
	alarmOf(s, alarm{id: f.id + "Silent", name: f.name + "-silent", says: "function " + f.name + " has not run for five minutes", namespace: "AWS/Lambda", metric: "Invocations",
		dimensions: []dimension{{"FunctionName", f.name}}, statistic: "Sum", compared: "LessThanThreshold", threshold: 1, minutes: 5, silence: "breaching"})
}
