package proof

import (
	"fmt"
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/catalog"
)

// cube is literals that must all hold.
type cube []literal

// compiler turns statements into cubes. Where a statement cannot be told for certain, it
// is compiled twice: surely is what it speaks of under every doubt, and otherwise all that
// it may speak of. A search takes the wide side of what allows and the sure side of what
// refuses, so that a doubt can never make a proof.
type compiler struct {
	*work
	reading   iam.Reading // of resources
	atoms     map[string]*atom
	symbols   map[string]rune // by variable
	uses      map[string]*use // by key
	doubts    []string
	beside    func(*iam.Statement) bool // of a statement that cannot matter
	ambiguous bool                      // some resource reads differently as Segments
}

// use is how the documents of a search read one key.
type use struct {
	text, bools, others bool
	set                 bool
	many                bool // taken to have several values
	other               iam.Kind
	wants               []string // of numbers, dates and addresses
}

func newCompiler(w *work, reading iam.Reading, documents []iam.Document) *compiler {
	c := &compiler{work: w, reading: reading, atoms: map[string]*atom{}, symbols: map[string]rune{}, uses: map[string]*use{}}
	for _, d := range documents {
		for _, s := range d.Statements {
			for _, condition := range s.When {
				c.note(condition)
			}
		}
	}
	for key, u := range c.uses {
		u.many = u.set && !documentedSingle(key)
	}
	return c
}

// documentedSingle reports whether AWS says that a key has one value.
func documentedSingle(key string) bool {
	k, known := catalog.Condition(key)
	return known && !strings.HasPrefix(k.Type, "ArrayOf")
}

func (c *compiler) note(condition iam.Condition) {
	op, err := iam.ParseOperator(condition.Op)
	if err != nil {
		return
	}
	key := strings.ToLower(condition.Key)
	u := c.uses[key]
	if u == nil {
		u = &use{}
		c.uses[key] = u
	}
	switch op.Kind {
	case iam.Presence:
		return
	case iam.Text, iam.ARNs:
		u.text = true
	case iam.Bools:
		u.bools = true
	default:
		u.text = u.text || u.others && u.other != op.Kind
		u.others, u.other = true, op.Kind
		u.wants = append(u.wants, condition.Values...)
	}
	u.set = u.set || op.Each != iam.Single
}

// several reports whether a key is taken to have several values: a set operator reads it,
// and AWS does not say that it has only one.
func (c *compiler) several(key string) bool {
	u := c.uses[key]
	return u != nil && u.many
}

func (c *compiler) doubt(format string, args ...any) {
	if sentence := fmt.Sprintf(format, args...); !slices.Contains(c.doubts, sentence) {
		c.doubts = append(c.doubts, sentence)
	}
}

// intern is the one atom equal to a.
func (c *compiler) intern(a *atom) *atom {
	a.identify()
	if known := c.atoms[a.name]; known != nil {
		return known
	}
	a.id = len(c.atoms)
	c.atoms[a.name] = a
	return a
}

func (c *compiler) is(a *atom) literal { return literal{c.intern(a), true} }

// document compiles the statements of one effect.
func (c *compiler) document(d iam.Document, e iam.Effect, surely bool) []cube {
	version := d.Version
	if version == "" {
		version = iam.Version
	}
	var out []cube
	for i := range d.Statements {
		if c.spend(1 + (len(d.Statements[i].Actions.Of)+len(d.Statements[i].Resources.Of))/4); c.spent() {
			c.doubt("stopped at statement %d of a document of %d", i, len(d.Statements))
			return out
		}
		if s := &d.Statements[i]; s.Effect == e && !c.beside(s) {
			out = append(out, c.statement(s, version, surely)...)
		}
	}
	return out
}

// statement compiles one statement to alternatives. None means that it matches nothing.
func (c *compiler) statement(s *iam.Statement, version string, surely bool) []cube {
	noAction := len(s.Actions.Of) == 0 && !s.Actions.Not
	noResource := len(s.Resources.Of) == 0 && !s.Resources.Not && s.Principals.IsZero()
	if noAction || noResource {
		return nil
	}
	return c.pattern(s, version, surely)
}

// pattern compiles a statement in which an absent element matches all.
func (c *compiler) pattern(s *iam.Statement, version string, surely bool) []cube {
	out := []cube{{}}
	if !s.Principals.IsZero() || s.Principals.Not {
		out = cross(out, []cube{{c.is(called(s.Principals, surely))}})
	}
	if len(s.Actions.Of) > 0 || s.Actions.Not {
		out = cross(out, c.actions(s.Actions))
	}
	if len(s.Resources.Of) > 0 || s.Resources.Not {
		out = cross(out, c.resources(s, version, surely))
	}
	for _, condition := range s.When {
		out = cross(out, c.condition(condition, version, surely))
	}
	return out
}

// cross is every pair of alternatives.
func cross(a, b []cube) []cube {
	if len(b) == 1 && len(a) == 1 {
		return []cube{append(a[0], b[0]...)}
	}
	out := make([]cube, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, slices.Concat(x, y))
		}
	}
	return out
}

func (c *compiler) actions(m iam.Match) []cube {
	globs := make([]glob, 0, len(m.Of))
	for _, text := range m.Of {
		if text == strings.TrimSpace(text) && !strings.ContainsFunc(text, special) {
			globs = append(globs, glob(strings.ToLower(text)))
			continue
		}
		if strings.ContainsFunc(text, isPrivate) {
			c.doubt("an action holds private characters, and is taken for none: %q", text)
			continue
		}
		p, _ := iam.ParsePattern(strings.ToLower(strings.TrimSpace(text)), "", iam.Whole)
		globs = append(globs, c.glob(p))
	}
	return []cube{{c.is(&atom{dim: action, negated: m.Not, values: union(false, globs...)})}}
}

func (c *compiler) resources(s *iam.Statement, version string, surely bool) []cube {
	for _, text := range s.Resources.Of {
		c.ambiguous = c.ambiguous || differs(text, version)
	}
	values, complete := c.values(s.Resources.Of, version, c.reading, "resource")
	of := func(globs []glob) *atom {
		return &atom{dim: resource, negated: s.Resources.Not, values: union(false, globs...)}
	}
	return c.alternatives(comparison{values: values, complete: complete, negated: s.Resources.Not, atom: of}, surely)
}

// differs reports whether the two readings of a resource may differ.
func differs(text, version string) bool {
	if !strings.ContainsAny(text, "*?") {
		return false
	}
	p, _ := iam.ParsePattern(text, version, iam.Segments) // what cannot be read has no reading to differ
	return slices.ContainsFunc(p, func(p iam.Piece) bool { return p.Rune == iam.FieldRun || p.Rune == iam.FieldOne })
}

// value is one value of a policy, and which variables must be there, or absent so that
// their default stands.
type value struct {
	glob         glob
	needs, lacks []string
}

func (v value) group() string { return strings.Join(v.needs, " ") + "|" + strings.Join(v.lacks, " ") }

// values takes texts apart; complete is false where one cannot be read.
func (c *compiler) values(texts []string, version string, reading iam.Reading, what string) (out []value, complete bool) {
	complete = true
	for _, text := range texts {
		if reading != iam.SixFields && !strings.ContainsFunc(text, special) {
			out = append(out, value{glob: glob(text)})
			continue
		}
		p, err := iam.ParsePattern(text, version, reading)
		if err == nil && strings.ContainsFunc(text, isPrivate) {
			err = fmt.Errorf("%q holds private characters", text)
		}
		if err != nil {
			c.doubt("%s: %v", what, err)
			complete = false
			continue
		}
		variants, all := c.variants(p)
		if !all {
			c.doubt("%s: %q has more defaults than are looked at together", what, text)
			complete = false
		}
		out = append(out, variants...)
	}
	return out, complete
}

// special reports whether a character may be more than itself.
func special(r rune) bool { return r == '*' || r == '?' || r == '$' || isPrivate(r) }

// most is how many variants of one value are looked at: four variables with defaults.
const most = 16

// variants are a pattern with its variables as symbols, and with each default instead. all
// is false where there are more than [most]: those that are left out may stand too.
func (c *compiler) variants(p iam.Pattern) (out []value, all bool) {
	out, all = []value{{glob: make(glob, 0, len(p))}}, true
	for _, piece := range p {
		if piece.Variable == nil {
			for i := range out {
				out[i].glob = append(out[i].glob, piece.Rune)
			}
			continue
		}
		v := *piece.Variable
		for i := range out {
			switch open := v.Defaulted && !slices.Contains(out[i].needs, v.Key); {
			case open && len(out) < most:
				out = append(out, out[i].without(v))
			case open:
				all = false
			}
			out[i].glob = append(out[i].glob, c.symbol(v.Key))
			if !slices.Contains(out[i].needs, v.Key) {
				out[i].needs = append(out[i].needs, v.Key)
			}
		}
	}
	return out, all
}

// without is the value going on with a variable's default, because its key is absent.
func (v value) without(variable iam.Variable) value {
	return value{
		glob:  append(slices.Clone(v.glob), glob(variable.Default)...),
		needs: slices.Clone(v.needs), lacks: append(slices.Clone(v.lacks), variable.Key),
	}
}

func (c *compiler) symbol(key string) rune {
	if _, known := c.symbols[key]; !known {
		next := firstSymbol
		for range c.symbols {
			next++
		}
		c.symbols[key] = next
	}
	return c.symbols[key]
}

// glob is a pattern without variables.
func (c *compiler) glob(p iam.Pattern) glob {
	out := make(glob, len(p))
	for i, piece := range p {
		out[i] = piece.Rune
	}
	return out
}

// comparison is "the dimension fits one of the values", or negated, none of them.
type comparison struct {
	values   []value
	complete bool // all of the values could be read
	negated  bool
	whole    bool // values cannot be parted: each of several values of a key may fit another
	absent   bool // it holds where the key is absent, whatever the variables are
	atom     func([]glob) *atom
}

// alternatives compiles a comparison. Values that need the same variables are one
// alternative; an absent key is another, because then no variable is asked for.
func (c *compiler) alternatives(k comparison, surely bool) []cube {
	grouped := map[string][]value{}
	var order []string
	for _, v := range k.values {
		if _, known := grouped[v.group()]; !known {
			order = append(order, v.group())
		}
		grouped[v.group()] = append(grouped[v.group()], v)
	}
	needy := slices.ContainsFunc(k.values, func(v value) bool { return v.group() != "|" })
	if k.negated && needy || k.whole && len(order) > 1 {
		return c.unparted(k, surely)
	}
	if !k.complete && (k.negated || !surely) {
		return c.doubtful(surely)
	}
	if len(order) == 0 {
		return []cube{{c.is(k.atom(nil))}}
	}
	var out []cube
	for _, group := range order {
		one := cube{c.is(k.atom(globsOf(grouped[group])))}
		out = append(out, append(one, c.given(grouped[group][0])...))
	}
	if needy && k.absent {
		out = append(out, cube{c.is(k.atom(nil))})
	}
	return out
}

// doubtful is a part that cannot be read: it surely matches nothing and may match all.
func (c *compiler) doubtful(surely bool) []cube {
	if surely {
		return nil
	}
	return []cube{{}}
}

// unparted keeps all values in one atom: surely, where all their variables are there or
// the key is not.
func (c *compiler) unparted(k comparison, surely bool) []cube {
	defaults := slices.ContainsFunc(k.values, func(v value) bool { return len(v.lacks) > 0 })
	if !k.complete || defaults && (k.negated || surely) {
		if defaults {
			c.doubt("a variable with a default stands in a negated or ForAllValues comparison")
		}
		return c.doubtful(surely)
	}
	one := cube{c.is(k.atom(globsOf(k.values)))}
	if !surely {
		return []cube{one}
	}
	for _, v := range k.values {
		one = append(one, c.given(v)...)
	}
	if k.negated && k.absent {
		return []cube{one, {c.is(k.atom([]glob{rest}))}}
	}
	return []cube{one}
}

func (c *compiler) given(v value) cube {
	var out cube
	for _, key := range v.needs {
		out = append(out, c.presence(key, true))
	}
	for _, key := range v.lacks {
		out = append(out, c.presence(key, false))
	}
	return out
}

func globsOf(values []value) []glob {
	out := make([]glob, len(values))
	for i, v := range values {
		out[i] = v.glob
	}
	return out
}

// presence says that a key is there, or not.
func (c *compiler) presence(key string, there bool) literal {
	if k, ok := callerKeys[key]; ok {
		return literal{c.intern(&atom{dim: caller, values: union(false, k.present...)}), there}
	}
	return literal{c.intern(&atom{dim: key, each: iam.All, negated: true, values: union(false)}), there}
}
