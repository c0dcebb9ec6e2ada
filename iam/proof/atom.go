package proof

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"remit/iam"
)

// The dimensions of a request that are no context keys. Keys have a colon or a slash in
// their names, these have none.
const (
	action   = "action"
	resource = "resource"
	caller   = "caller" // see caller.go
)

// atom is a question about one dimension of a request: it is true or false of any value,
// and of the value's absence. Two equal atoms of a search are the same pointer.
type atom struct {
	dim     string
	each    iam.Each // for keys with several values
	negated bool     // of a value: it is true where the value does not fit
	absent  bool     // true where the key is absent
	values  *lang    // what fits, as text
	op      iam.Operator
	wants   []string // what fits, for numbers, dates, addresses and booleans
	name    string   // identity
	id      int
}

// ofValue is the atom's truth for one value.
func (a *atom) ofValue(v string) bool { return a.fits(v) != a.negated }

func (a *atom) fits(v string) bool {
	if a.values != nil {
		return a.values.holds(v)
	}
	return slices.ContainsFunc(a.wants, func(want string) bool {
		ok, err := a.op.Compares(v, want)
		return err == nil && ok
	})
}

// literal is an atom or its negation.
type literal struct {
	*atom
	sign bool
}

func (l literal) not() literal { return literal{l.atom, !l.sign} }

func (l literal) ofAbsence() bool { return l.absent == l.sign }

// everyValue reports whether the literal speaks of all values of a key with several; the
// others want one value that does.
func (l literal) everyValue() bool { return (l.each == iam.All) == l.sign }

// wants reports whether a value must fit for the literal to be true of it.
func (l literal) wantsFit() bool { return l.sign != l.negated }

func (l literal) ofValue(v string) bool { return l.atom.ofValue(v) == l.sign }

// identify gives an atom the name by which equal ones are known.
func (a *atom) identify() {
	name := fmt.Appendf(nil, "%q %d %t %t ", a.dim, a.each, a.negated, a.absent)
	if a.values == nil {
		a.name = string(fmt.Appendf(name, "%s %q", a.op, a.wants))
		return
	}
	a.name = string(a.values.identify(name))
}

// identify appends the language's name. Texts hold any character, so nothing can part
// them: each is preceded by its length.
func (l *lang) identify(name []byte) []byte {
	name = strconv.AppendBool(name, l.fold)
	name = binary.AppendUvarint(name, uint64(len(l.exact)))
	for _, s := range l.strings() {
		name = append(binary.AppendUvarint(name, uint64(len(s))), s...)
	}
	for _, g := range l.globs {
		name = binary.AppendUvarint(name, uint64(len(g)))
		for _, r := range g {
			name = binary.AppendVarint(name, int64(r))
		}
	}
	return name
}

func byLength(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
