package load

import "regexp"

// form is the shape of a kind of text, with the sentence that explains it.
type form struct {
	pattern *regexp.Regexp
	say     string
}

// forms are the shapes AWS and the web accept, by the "type" tag of package platform.
// Where AWS documents a longer or looser form, the tighter one is deliberate: these texts
// become parts of ARNs, and an ARN part with a wildcard or colon would mean more than it says.
var forms = map[string]form{
	"name":           {regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*([-_][a-zA-Z0-9]+)*$`), "must be a name: a letter, then letters, digits and single - or _"},
	"lower":          {regexp.MustCompile(`^[a-z][a-z0-9]*([-_][a-z0-9]+)*$`), "must be a lower-case name: a letter, then letters, digits and single - or _"}, // ECR and account-wide uniqueness know no upper case
	"region":         {regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`), "must be an AWS region, such as us-east-1"},
	"model":          {regexp.MustCompile(`^[a-z0-9]+([.:-][a-zA-Z0-9]+)+$`), "must be a Bedrock model id, such as anthropic.claude-sonnet-4-5-20250929-v1:0"},
	"https":          {regexp.MustCompile(`^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?$`), "must be an https URL without user, query or fragment"},
	"operation":      {regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE|HEAD) (/|(/([A-Za-z0-9._~-]+|\{[A-Za-z0-9_]+\}))+)$`), "must be a method and a path whose parts are words or {argument}, such as POST /reports or GET /reports/{id}"},
	"function":       {regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`), "must be a Lambda function's name, at most 64 letters, digits, - and _"},
	"api":            {regexp.MustCompile(`^[a-z0-9]{4,20}$`), "must be a REST API's id, such as a1b2c3d4e5"},
	"connection":     {regexp.MustCompile(`^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}$`), "must be a connection's ARN, such as arn:aws:codeconnections:us-east-1:111122223333:connection/…"},
	"repository":     {regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`), "must be owner/name"},
	"branch":         {regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_./-]{0,254}$`), "must be a branch's name"},
	"revision":       {regexp.MustCompile(`^[0-9a-f]{40}$`), "must be a commit's whole id, 40 hex digits"},
	"directory":      {regexp.MustCompile(`^[A-Za-z0-9_-]([A-Za-z0-9_.-]|/[A-Za-z0-9_-])*$`), "must be a directory below the repository's root, such as environments/acme"},
	"log-group":      {regexp.MustCompile(`^[a-zA-Z0-9_/.#-]{1,512}$`), "must be a CloudWatch log group's name, at most 512 letters, digits, _, -, /, . and #"},
	"table":          {regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`), "must be a DynamoDB table's name, 3 to 255 letters, digits, _, - and ."},
	"subnet":         {regexp.MustCompile(`^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`), "must be a subnet's id, such as subnet-0a1b2c3d"},
	"security-group": {regexp.MustCompile(`^sg-([0-9a-f]{8}|[0-9a-f]{17})$`), "must be a security group's id, such as sg-0a1b2c3d"},
}
