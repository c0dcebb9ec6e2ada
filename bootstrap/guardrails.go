package bootstrap

import (
	"encoding/json"

	"remit/grants"
	"remit/platform"
)

// Guardrails is the CloudFormation template of the service control policies above every
// environment's accounts, as JSON. The organization's management account deploys it, or the
// account that it delegated policies to (CloudFormation, AWS::Organizations::Policy).
func Guardrails(p *platform.Platform) []byte {
	resources := map[string]any{}
	for _, e := range p.Environments {
		for _, g := range grants.Guardrails(p, e) {
			resources[platform.Pascal(g.Name)] = resource("AWS::Organizations::Policy", map[string]any{
				"Name": g.Name, "Description": "Remit: " + g.Says, "Type": "SERVICE_CONTROL_POLICY", "Content": g.Document.Value(), "TargetIds": g.Accounts,
			})
		}
	}
	text, err := json.MarshalIndent(map[string]any{
		"Description": "Remit: what nobody may do in the accounts of " + p.Name + ", whatever their own account gives them",
		"Resources":   resources,
	}, "", "  ")
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return append(text, '\n')
}
