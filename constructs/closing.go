package constructs

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"remit/grants"
	"remit/platform"
)

// closing is the function that frees a key when the declared event closes its item, one rule
// on each bus that such events come on, and the queue of events that could not be used, with
// an alarm.
func closing(s stack, p *platform.Platform, e platform.Environment, site platform.Site, role awsiam.CfnRole, b Built) {
	text, err := json.Marshal(p.Closings(e))
	if err != nil {
		panic(err) // texts always encode
	}
	f := functionOf(s, b, e, function{
		id: "Closing", name: site.Function("closing"), kind: "closing", says: "ends what an event closes in " + e.Name, role: role,
		documents: map[string][]byte{"closings.json": text}, memory: 256, timeout: 30,
		environment: map[string]*string{"REMIT_LEDGER": jsii.String(site.Ledger()), "REMIT_DIRECTORY": jsii.String(site.Directory())},
	})
	failed := failures(s, p, e, site)
	// EventBridge invokes asynchronously: what the function answers with an error is tried
	// twice again and then goes where this says (Lambda developer guide, invocation-async).
	awslambda.NewCfnEventInvokeConfig(s.Stack, jsii.String("ClosingFailures"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName: f.Ref(), Qualifier: jsii.String(platform.Live), MaximumRetryAttempts: jsii.Number(2),
		DestinationConfig: map[string]any{"onFailure": map[string]any{"destination": failed.AttrArn()}},
	}).AddResourceDependency(f.alias, nil)
	for _, bus := range grants.ClosingBuses(p, e) {
		closingRule(s, p, e, site, f, failed, bus)
	}
	invokedBy(s, f, grants.ClosingPolicy(p, e, site))
}

// closingRule passes the events of a bus on, and says which bus it is: an event does not
// (EventBridge user guide, eb-transform-target-input).
func closingRule(s stack, p *platform.Platform, e platform.Environment, site platform.Site, f made, failed awssqs.CfnQueue, bus string) {
	awsevents.NewCfnRule(s.Stack, jsii.String("ClosingRule"+platform.Pascal(bus)), &awsevents.CfnRuleProps{
		Name: jsii.String(site.Function("closing")), EventBusName: jsii.String(e.Bus(bus)), Description: jsii.String("Remit: events that close items"),
		EventPattern: map[string]any{"detail-type": grants.ClosingEvents(p, e, bus)},
		Targets: []any{map[string]any{
			"id": "closing", "arn": f.alias.Ref(), "deadLetterConfig": map[string]any{"arn": failed.AttrArn()},
			"inputTransformer": map[string]any{"inputTemplate": `{"bus":"` + bus + `","event":<aws.events.event.json>}`},
		}},
	})
}

// failures is the queue of events that could not be used: the item that each was about stays
// open until a person looks.
func failures(s stack, p *platform.Platform, e platform.Environment, site platform.Site) awssqs.CfnQueue {
	queue := awssqs.NewCfnQueue(s.Stack, jsii.String("ClosingFailed"), &awssqs.CfnQueueProps{
		QueueName: jsii.String(grants.FailedEventsName(site)), SqsManagedSseEnabled: true, MessageRetentionPeriod: jsii.Number(14 * 24 * 3600),
	})
	keep(queue, e)
	awssqs.NewCfnQueuePolicy(s.Stack, jsii.String("ClosingFailedPolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{queue.Ref()}, PolicyDocument: document(s, grants.FailedEventsPolicy(p, e, site).Document, nil),
	})
	alarmOf(s, alarm{id: "ClosingFailedAlarm", name: grants.FailedEventsName(site), says: "an event that should have closed an item could not be used; it is in the queue of this name",
		namespace: "AWS/SQS", metric: "ApproximateNumberOfMessagesVisible", dimensions: []dimension{{"QueueName", grants.FailedEventsName(site)}},
		statistic: "Maximum", compared: "GreaterThanThreshold", threshold: 0, minutes: 1, silence: "notBreaching"})
	return queue
}
