package constructs

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"remit/grants"
	"remit/lambdas/meter"
	"remit/lambdas/metric"
	"remit/platform"
)

// meterOf is the function that charges executions with what their agents used of models
// directly, and its subscription to the log group that the account's owner logs invocations to.
// The group is theirs: a deployment without it fails, and none changes what is logged.
func meterOf(s stack, p *platform.Platform, e platform.Environment, site platform.Site, role awsiam.CfnRole, b Built) {
	text, err := json.Marshal(p.Meter(e))
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	f := functionOf(s, b, e, function{
		id: "Meter", name: site.Function("meter"), kind: "meter", says: "charges what is used of models directly in " + e.Name, role: role,
		documents: map[string][]byte{"meter.json": text}, memory: 512, timeout: 120,
		environment: map[string]*string{"REMIT_LEDGER": jsii.String(site.Ledger())},
	})
	permission := invokedBy(s, f, grants.MeterPolicy(p, e, site))
	awslogs.NewCfnSubscriptionFilter(s.Stack, jsii.String("ModelLogs"), &awslogs.CfnSubscriptionFilterProps{
		FilterName: jsii.String(site.Function("meter")), LogGroupName: jsii.String(e.ModelLogs.Group),
		FilterPattern: jsii.String(`{ $.schemaType = "ModelInvocationLog" }`), DestinationArn: f.alias.Ref(),
	}).AddResourceDependency(permission, nil) // Logs tries the function as it subscribes
}

// metered has somebody look at usage of a lane's that names no execution, and at executions
// that used more than was thought possible.
func metered(s stack, lane platform.Running) {
	says := map[meter.Kind]string{
		meter.Unattributed: "lane " + lane.Lane + " of " + lane.Agent + " used a model under no execution of its own, or without a count of tokens",
		meter.Overshoot:    "an execution of lane " + lane.Lane + " of " + lane.Agent + " used more beyond its limits than is declared",
	}
	for _, kind := range meter.Kinds {
		alarmOf(s, alarm{id: string(kind), name: lane.LaneSite.Stack() + "-" + strings.ToLower(string(kind)), says: says[kind], namespace: metric.Namespace, metric: string(kind),
			dimensions: []dimension{{metric.Environment, lane.LaneSite.Environment}, {metric.Lane, lane.Term().String()}},
			statistic:  "Sum", compared: "GreaterThanThreshold", threshold: 0, minutes: 1, silence: "notBreaching"})
	}
}
