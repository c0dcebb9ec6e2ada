package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"remit/lambdas/metric"
	"remit/lambdas/operate"
	"remit/platform"
)

// operations is the function where people intervene, the address where AWS says who they are,
// where that is registered, and an alarm on every widening. The function has no policy: in its
// own account the roles of people suffice, and a function's policy can refuse nobody (Lambda
// API, AddPermission).
func operations(s stack, e platform.Environment, site platform.Site, role awsiam.CfnRole, b Built) {
	f := functionOf(s, b, e, function{
		id: "Operate", name: site.Function("operate"), kind: "operate", says: "where people intervene in " + e.Name, role: role, memory: 256, timeout: 60,
		environment: map[string]*string{
			"REMIT_LEDGER": jsii.String(site.Ledger()), "REMIT_DAY": jsii.String(string(e.Day)), "REMIT_ENVIRONMENT": jsii.String(e.Name),
			"REMIT_OPERATOR": jsii.String(site.Role("operator")), "REMIT_BREAKGLASS": jsii.String(site.Role("breakglass")),
		},
	})
	url := awslambda.NewCfnUrl(s.Stack, jsii.String("OperateUrl"), &awslambda.CfnUrlProps{
		TargetFunctionArn: f.Ref(), Qualifier: jsii.String(platform.Live), AuthType: jsii.String("AWS_IAM"), InvokeMode: jsii.String("RESPONSE_STREAM"),
	})
	url.AddResourceDependency(f.alias, nil)
	awsssm.NewCfnParameter(s.Stack, jsii.String("OperateAddress"), &awsssm.CfnParameterProps{
		Name: jsii.String(platform.OperateURL(site)), Type: jsii.String("String"), Value: url.AttrFunctionUrl(),
		Description: jsii.String("Remit: where people intervene"),
	})
	alarmOf(s, alarm{id: "Widened", name: site.Named("widened"), says: "two people resumed what was stopped, or raised a limit; the function's log says who and why",
		namespace: metric.Namespace, metric: operate.MetricName, dimensions: []dimension{{metric.Environment, e.Name}},
		statistic: "Sum", compared: "GreaterThanThreshold", threshold: 0, minutes: 1, silence: "notBreaching"})
}
