package constructs

import (
	"strconv"

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
	every               float64 // minutes between measurements; 0 is one
	silence             string  // what it means that nothing was measured (PutMetricAlarm API, TreatMissingData)
}

// dimension tells one metric of a name from others.
type dimension struct{ name, value string }

func ofFunction(f function) []dimension { return []dimension{{"FunctionName", f.name}} }

func alarmOf(s stack, a alarm) {
	every, dimensions := max(1, a.every), []any(nil)
	for _, d := range a.dimensions {
		dimensions = append(dimensions, map[string]any{"name": d.name, "value": d.value})
	}
	awscloudwatch.NewCfnAlarm(s.Stack, jsii.String(a.id), &awscloudwatch.CfnAlarmProps{
		AlarmName: jsii.String(a.name), AlarmDescription: jsii.String("Remit: " + a.says),
		Namespace: jsii.String(a.namespace), MetricName: jsii.String(a.metric), Dimensions: dimensions,
		Statistic: jsii.String(a.statistic), Period: jsii.Number(60 * every), EvaluationPeriods: jsii.Number(a.minutes / every), Threshold: jsii.Number(a.threshold),
		ComparisonOperator: jsii.String(a.compared), TreatMissingData: jsii.String(a.silence),
	})
}

// failing is a function that ends in an error: for an interceptor that is a denial, for the
// sweep an execution that stays open. What a handler refuses is no error.
func failing(s stack, f function) {
	alarmOf(s, alarm{id: f.id + "Failing", name: f.name + "-failing", says: "function " + f.name + " ends in errors", namespace: "AWS/Lambda", metric: "Errors",
		dimensions: ofFunction(f), statistic: "Sum", compared: "GreaterThanThreshold", threshold: 0, minutes: 1, silence: "notBreaching"})
}

// silent is a function that should run by itself and did not for some minutes. What a sweep
// ends then stays taken: the ledger's promise is a lease and one period of it.
func silent(s stack, f function, minutes float64) {
	alarmOf(s, alarm{id: f.id + "Silent", name: f.name + "-silent", says: "function " + f.name + " has not run for " + strconv.Itoa(int(minutes)) + " minutes", namespace: "AWS/Lambda", metric: "Invocations",
		dimensions: ofFunction(f), statistic: "Sum", compared: "LessThanThreshold", threshold: 1, minutes: minutes, silence: "breaching"})
}
