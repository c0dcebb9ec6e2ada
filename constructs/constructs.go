// Package constructs turns a declaration and its grants into CloudFormation with the CDK:
// flat, one file per construct. With app.go it is the only place that knows jsii. It
// decides nothing about access: every document comes from package grants and is handed
// to CDK unchanged. Start with [Stage].
package constructs
