package iam

// Reason is one statement that bore on a verdict, or the sentence that none did.
type Reason struct {
	Verdict  Verdict
	Where    ARN    // the role, policy or resource whose document it is
	Document string // "identity", "boundary", "session", "resource", "trust", "SCP root"
	Sid      string
	Sentence string // for people
}

// Explain lists what decided a request, most decisive first.
func (w World) Explain(r Request) []Reason { return nil }
