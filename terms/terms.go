// Package terms is the glossary of Remit as Go types: the words that every other
// package says. It parses and prints, and nothing else: it knows no AWS service,
// no file format and no rule. Start with [Lane], the identity of an agent.
//
// Parsers are strict and total: they return an error that says what was expected,
// and never panic. Zero values are empty and name nothing.
package terms

import (
	"fmt"
	"regexp"
	"strings"
)

// AccountID is an AWS account number: twelve decimal digits, kept as text because
// leading zeros count. The zero value is no account.
type AccountID string

// UnmarshalText accepts exactly twelve digits.
func (a *AccountID) UnmarshalText(text []byte) error {
	if !accountID.Match(text) {
		return fmt.Errorf("an AWS account id is twelve digits in quotes, such as \"111122223333\"")
	}
	*a = AccountID(text)
	return nil
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// Name is a declared name of anything: a letter, then letters, digits, and single
// hyphens or underscores between them. Doubled separators are refused because
// physical names use them as walls between parts (see platform/names.go).
type Name string

// UnmarshalText accepts 1 to 48 characters of the form described at [Name].
func (n *Name) UnmarshalText(text []byte) error {
	if len(text) > 48 || !name.Match(text) {
		return fmt.Errorf("a name starts with a letter and has at most 48 letters, digits and single - or _")
	}
	*n = Name(text)
	return nil
}

var name = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*([-_][a-zA-Z0-9]+)*$`)

// Digest names immutable content: "sha256:" and 64 lower-case hex digits.
// The zero value is no content.
type Digest string

// UnmarshalText accepts exactly the form described at [Digest].
func (d *Digest) UnmarshalText(text []byte) error {
	if !digest.Match(text) {
		return fmt.Errorf("a digest is sha256: and 64 lower-case hex digits")
	}
	*d = Digest(text)
	return nil
}

var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Access is what a tool does to data. The zero value is neither, and no check allows it.
type Access string

// The two kinds of access a tool can declare.
const (
	Read  Access = "read"
	Write Access = "write"
)

// UnmarshalText accepts "read" and "write".
func (a *Access) UnmarshalText(text []byte) error {
	switch Access(text) {
	case Read, Write:
		*a = Access(text)
		return nil
	}
	return fmt.Errorf("access is read or write")
}

// Lane is the identity of an agent: one running version of it in one environment.
// It has its own runtime, execution role, boundary, gateway and bundle.
// The zero Lane is nobody.
type Lane struct {
	Platform    string `json:"platform"`
	Environment string `json:"environment"`
	Agent       string `json:"agent"`
	Name        string `json:"lane"`
}

// String is the derived name that delegation tokens carry as audience:
// platform.environment.agent.lane.
func (l Lane) String() string {
	return strings.Join([]string{l.Platform, l.Environment, l.Agent, l.Name}, ".")
}

// IsZero reports whether any part is missing, in which case the lane names nobody.
func (l Lane) IsZero() bool {
	return l.Platform == "" || l.Environment == "" || l.Agent == "" || l.Name == ""
}

// between joins what identifies a lane. No declared name holds two dashes in a row or ends in
// one, so no lane's ids begin another's.
const between = "--"

// Key names the lane within its environment: agent--lane.
func (l Lane) Key() string { return l.Agent + between + l.Name }

// Own makes an id of something of this lane's alone, such as an execution: IAM can then tell
// by its beginning whose it is. unique holds no two dashes in a row.
func (l Lane) Own(unique string) string { return l.Key() + between + unique }

// OwnerOf is the [Lane.Key] of the lane that an id names, "" for an id that names none.
func OwnerOf(id string) string {
	if i := strings.LastIndex(id, between); i >= 0 {
		return id[:i]
	}
	return ""
}

// User is the human on whose behalf an agent acts, as verified claims say it.
// The zero User has no tenant and no role, so every check refuses it.
type User struct {
	ID     string   `json:"id"`     // the issuer's subject, opaque
	Tenant string   `json:"tenant"` // the organisation whose data the user may see
	Roles  []string `json:"roles"`  // declared user roles, already mapped from the issuer's claim
}

// ExecutionID names one bounded run of a lane for one user, and the lane with it
// ([Lane.Own]). AgentCore uses it as the runtime session id and wants at least 33 characters
// (InvokeAgentRuntime API).
type ExecutionID string

// DailyLimit names a tool's limit for one user's day.
func DailyLimit(tool string) string { return "tool/" + tool }

// CallID joins the two halves of one tool call: the hex SHA-256 of execution, session,
// JSON-RPC id, tool and canonical arguments of the original request.
type CallID string

// Pos is a place in a declaration: a file, and a line and column that start at 1.
// The zero Pos is nowhere.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
}

// String prints file:line:col, the form editors follow; a missing line is left out.
func (p Pos) String() string {
	switch {
	case p.File == "":
		return "-"
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Compare orders places by file, line and column.
func (p Pos) Compare(q Pos) int {
	if c := strings.Compare(p.File, q.File); c != 0 {
		return c
	}
	if p.Line != q.Line {
		return p.Line - q.Line
	}
	return p.Col - q.Col
}

// Partition is the AWS partition of a region: aws, aws-cn or aws-us-gov. An unknown or
// symbolic region is taken to be in aws.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
