package iam

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// View says how a world is printed for people: the title line, and what account
// numbers are called. The zero View prints numbers, and only what is written.
type View struct {
	Title    string
	Names    map[string]string // account id → the name the declaration gives it
	InEffect map[ARN][]Note    // what each role amounts to, as whoever decides such things found it
}

// Note is one line of what a role amounts to: a word, and what there is of it.
type Note struct {
	Label string
	Items []string
}

// Text prints the world one role and policy at a time, sorted, without JSON: the form
// that reviewers read and golden files keep. Sids stand at the right edge because
// findings, waivers and records cite them. It is for people and cannot be parsed back.
func (w World) Text(v View) string {
	w = w.Canonical()
	p := &printer{names: replacer(v.Names), inEffect: v.InEffect}
	if v.Title != "" {
		p.line(0, v.Title)
	}
	for _, r := range w.Roles {
		p.line(0, "")
		p.role(r)
	}
	for _, policy := range w.Policies {
		p.line(0, "")
		p.policy(policy)
	}
	return p.out.String()
}

// Text prints one role as [World.Text] does.
func (r Role) Text(v View) string {
	return strings.TrimPrefix(World{Roles: []Role{r}}.Text(View{Names: v.Names, InEffect: v.InEffect}), "\n")
}

// Effect prints what the view knows of what one role amounts to, "" for nothing.
func (v View) Effect(role ARN) string {
	p := &printer{names: replacer(v.Names)}
	p.notes(v.InEffect[role])
	return p.out.String()
}

// Text prints one policy as [World.Text] does.
func (p Policy) Text(v View) string {
	return strings.TrimPrefix(World{Policies: []Policy{p}}.Text(View{Names: v.Names}), "\n")
}

// rightEdge is the column where Sids begin; lines longer than that push theirs out.
const rightEdge = 72

type printer struct {
	out      strings.Builder
	names    *strings.Replacer
	inEffect map[ARN][]Note
}

func (p *printer) line(indent int, text string) {
	p.out.WriteString(strings.TrimRight(strings.Repeat(" ", indent)+p.names.Replace(text), " ") + "\n")
}

func (p *printer) handled(indent int, text, sid string) {
	text = p.names.Replace(text)
	p.line(0, fmt.Sprintf("%-*s  %s", rightEdge, strings.Repeat(" ", indent)+text, sid))
}

func (p *printer) role(r Role) {
	session := r.Session
	if session == 0 {
		session = time.Hour
	}
	p.line(0, fmt.Sprintf("role %-60s session %s   policy %d of 10240 characters", strings.TrimPrefix(r.ARN.Part(5), "role"), short(session), r.Policy.Size()))
	p.line(2, "boundary  "+boundaryName(r.Boundary))
	for _, arn := range r.Managed {
		p.line(2, "attached  "+string(arn)+"   (text not here)")
	}
	p.line(2, "trusted by")
	for _, s := range r.Trust.Statements {
		p.trust(s)
	}
	p.statements(r.Policy)
	p.notes(p.inEffect[r.ARN])
}

func (p *printer) notes(notes []Note) {
	if len(notes) > 0 {
		p.line(2, "so in effect")
	}
	for _, n := range notes {
		items := slices.Clone(n.Items)
		for i := range items {
			items[i] = p.names.Replace(items[i]) // before they are wrapped
		}
		for i, line := range wrap(items, ", ", 92) {
			p.line(4, first(i, fmt.Sprintf("%-10s", n.Label))+line)
		}
	}
}

func boundaryName(arn ARN) string {
	if arn == "" {
		return "NONE"
	}
	return arn.Name()
}

func (p *printer) trust(s Statement) {
	for i, who := range s.Principals.lines() {
		sid := ""
		if i == 0 {
			sid = s.Sid
		}
		p.handled(4, prefix(s.Effect == Deny, "never ")+who, sid)
	}
	p.items(6, "for", s.Actions)
	p.conditions(6, s.When)
	p.why(6, s.Why)
}

func (p Principals) lines() []string {
	var out []string
	for _, kind := range []struct {
		name string
		list []string
	}{{"principal", p.AWS}, {"service", p.Service}, {"provider", p.Federated}, {"canonical user", p.Other}} {
		for _, who := range kind.list {
			out = append(out, prefix(p.Not, "all but ")+kind.name+" "+who)
		}
	}
	return out
}

func (p *printer) policy(policy Policy) {
	if policy.Kind == "managed" {
		p.line(0, fmt.Sprintf("managed policy %-50s %d of 6144 characters", strings.TrimPrefix(policy.ARN.Part(5), "policy"), policy.Document.Size()))
	} else {
		p.line(0, "resource policy of "+string(policy.ARN)+"   ("+policy.Kind+")")
	}
	p.statements(policy.Document)
}

func (p *printer) statements(d Document) {
	for _, group := range []struct {
		effect Effect
		title  string
	}{{Allow, "may"}, {Deny, "may never"}} {
		of := slices.DeleteFunc(slices.Clone(d.Statements), func(s Statement) bool { return s.Effect != group.effect })
		if len(of) > 0 {
			p.line(2, group.title)
		}
		for _, s := range of {
			p.statement(s)
		}
	}
}

func (p *printer) statement(s Statement) {
	actions := wrap(s.Actions.Of, ", ", rightEdge-10)
	if len(actions) == 0 {
		actions = []string{"(no action)"}
	}
	p.handled(4, prefix(s.Actions.Not, "all but ")+actions[0], s.Sid)
	for _, more := range actions[1:] {
		p.line(4, more)
	}
	for i, who := range s.Principals.lines() {
		p.line(6, first(i, "by    ")+who)
	}
	p.items(6, "on", s.Resources)
	p.conditions(6, s.When)
	p.why(6, s.Why)
}

func (p *printer) items(indent int, label string, m Match) {
	for i, item := range m.Of {
		p.line(indent, first(i, fmt.Sprintf("%-6s", label))+prefix(m.Not && i == 0, "all but ")+item)
	}
}

func (p *printer) conditions(indent int, when []Condition) {
	for i, c := range when {
		p.line(indent, first(i, "when  ")+c.sentence())
	}
}

// sentence reads a condition aloud: "each dynamodb:LeadingKeys like {AGENT#x#*}".
func (c Condition) sentence() string {
	op, ifExists := strings.CutSuffix(c.Op, "IfExists")
	key := c.Key
	if rest, ok := strings.CutPrefix(op, "ForAllValues:"); ok {
		op, key = rest, "each "+key
	}
	if rest, ok := strings.CutPrefix(op, "ForAnyValue:"); ok {
		op, key = rest, "any "+key
	}
	if op == "Null" && slices.Equal(c.Values, []string{"false"}) {
		return key + " is present"
	}
	if op == "Null" && slices.Equal(c.Values, []string{"true"}) {
		return key + " is absent"
	}
	if ifExists {
		key = "if present " + key
	}
	return key + " " + verb(op, len(c.Values)) + " " + set(c.Values)
}

func verb(op string, values int) string {
	if word, ok := map[string]string{"StringEquals": "in", "StringNotEquals": "not in"}[op]; ok && values > 1 {
		return word
	}
	if word, ok := map[string]string{
		"StringEquals": "=", "StringNotEquals": "≠", "StringLike": "like", "StringNotLike": "not like",
		"ArnEquals": "= ARN", "ArnNotEquals": "≠ ARN", "ArnLike": "like ARN", "ArnNotLike": "not like ARN", "Bool": "is",
	}[op]; ok {
		return word
	}
	return op
}

func set(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return "{" + strings.Join(values, ", ") + "}"
}

func (p *printer) why(indent int, why string) {
	for i, line := range wrap(strings.Fields(why), " ", 84) {
		p.line(indent, first(i, "why   ")+line)
	}
}

// wrap joins words into lines of about the given width.
func wrap(words []string, by string, width int) []string {
	var lines []string
	for _, word := range words {
		last := len(lines) - 1
		if last >= 0 && len(lines[last])+len(by)+len(word) <= width {
			lines[last] += by + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

func first(i int, label string) string {
	if i == 0 {
		return label
	}
	return strings.Repeat(" ", len(label))
}

func prefix(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func short(d time.Duration) string {
	text := d.String()
	text = strings.TrimSuffix(text, "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func replacer(names map[string]string) *strings.Replacer {
	var pairs []string
	for id, name := range names {
		pairs = append(pairs, id, name)
	}
	return strings.NewReplacer(pairs...)
}
