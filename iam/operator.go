package iam

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Operator is a condition operator taken apart. Source: IAM User Guide,
// reference_policies_elements_condition_operators.
type Operator struct {
	Each     Each
	Kind     Kind
	Negated  bool // StringNotEquals: the values are what must not match
	IfExists bool
	Fold     bool // ignores case
	Like     bool // * and ? are wildcards
	name     string
	order    func(compared int) bool
}

// Each says which of a key's values must match.
type Each uint8

// The quantifiers. All holds where the key is absent, Any does not.
const (
	Single Each = iota // the key has one value
	All                // ForAllValues
	Any                // ForAnyValue
)

// Kind is how an operator reads values.
type Kind uint8

// The kinds of values.
const (
	Text Kind = iota
	ARNs
	Numbers
	Dates
	Bools
	IPs
	Presence // Null
)

var operators = map[string]Operator{
	"StringEquals": {}, "StringNotEquals": {Negated: true},
	"StringEqualsIgnoreCase": {Fold: true}, "StringNotEqualsIgnoreCase": {Fold: true, Negated: true},
	"StringLike": {Like: true}, "StringNotLike": {Like: true, Negated: true},
	"BinaryEquals": {},
	"ArnEquals":    {Kind: ARNs, Like: true}, "ArnNotEquals": {Kind: ARNs, Like: true, Negated: true},
	"ArnLike": {Kind: ARNs, Like: true}, "ArnNotLike": {Kind: ARNs, Like: true, Negated: true},
	"NumericEquals": {Kind: Numbers, order: equal}, "NumericNotEquals": {Kind: Numbers, order: equal, Negated: true},
	"NumericLessThan": {Kind: Numbers, order: less}, "NumericLessThanEquals": {Kind: Numbers, order: lessOrEqual},
	"NumericGreaterThan": {Kind: Numbers, order: greater}, "NumericGreaterThanEquals": {Kind: Numbers, order: greaterOrEqual},
	"DateEquals": {Kind: Dates, order: equal}, "DateNotEquals": {Kind: Dates, order: equal, Negated: true},
	"DateLessThan": {Kind: Dates, order: less}, "DateLessThanEquals": {Kind: Dates, order: lessOrEqual},
	"DateGreaterThan": {Kind: Dates, order: greater}, "DateGreaterThanEquals": {Kind: Dates, order: greaterOrEqual},
	"Bool":      {Kind: Bools, Fold: true},
	"IpAddress": {Kind: IPs}, "NotIpAddress": {Kind: IPs, Negated: true},
	"Null": {Kind: Presence},
}

func equal(c int) bool          { return c == 0 }
func less(c int) bool           { return c < 0 }
func lessOrEqual(c int) bool    { return c <= 0 }
func greater(c int) bool        { return c > 0 }
func greaterOrEqual(c int) bool { return c >= 0 }

// ParseOperator takes an operator apart: "ForAllValues:StringLikeIfExists". The error
// names an operator that AWS does not document; what it decides is unknown.
func ParseOperator(name string) (Operator, error) {
	base, each := name, Single
	if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		base, each = rest, All
	}
	if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok && each == Single {
		base, each = rest, Any
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	op, known := operators[base]
	if !known || op.Kind == Presence && (ifExists || each != Single) {
		return Operator{}, fmt.Errorf("unknown condition operator %q", name)
	}
	op.Each, op.IfExists, op.name = each, ifExists, base
	return op, nil
}

// Absent is what a condition with this operator is where its key is absent: negated ones,
// IfExists and ForAllValues hold. It says nothing of Null.
func (o Operator) Absent() bool {
	if o.Each == Single {
		return o.Negated || o.IfExists
	}
	return o.Each == All || o.IfExists
}

// Reading is how the operator's values are taken apart.
func (o Operator) Reading() Reading {
	switch {
	case o.Kind == ARNs:
		return SixFields
	case o.Like:
		return Whole
	}
	return Literal
}

// Compares reports whether value, of a request, is as an operator of Numbers, Dates, IPs
// or Bools wants it, with want from a policy, negation aside. The error says which of the
// two cannot be read.
func (o Operator) Compares(value, want string) (bool, error) {
	switch o.Kind {
	case Numbers:
		return ordered(o, value, want, ReadNumber)
	case Dates:
		return ordered(o, value, want, ReadDate)
	case Bools:
		_, err := strconv.ParseBool(strings.ToLower(want))
		return strings.EqualFold(value, want), err
	case IPs:
		return inside(value, want)
	}
	return false, fmt.Errorf("values of this kind are patterns")
}

func ordered(o Operator, value, want string, parse func(string) (*big.Rat, error)) (bool, error) {
	a, err := parse(value)
	if err != nil {
		return false, err
	}
	b, err := parse(want)
	if err != nil {
		return false, err
	}
	return o.order(a.Cmp(b)), nil
}

// ReadNumber reads a decimal. It takes no exponent: "1e999999999" would be a long number.
func ReadNumber(s string) (*big.Rat, error) {
	if r, ok := new(big.Rat).SetString(s); ok && len(s) <= 64 && strings.Trim(s, "+-0123456789.") == "" {
		return r, nil
	}
	return nil, fmt.Errorf("%q is not a number", s)
}

// layouts are the W3C profile of ISO 8601, which IAM cites.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01", "2006"}

// ReadDate reads a W3C date or, with five digits or more, seconds since 1970.
func ReadDate(s string) (*big.Rat, error) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			nanoseconds := new(big.Int).Add(new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(1e9)), big.NewInt(int64(t.Nanosecond())))
			return new(big.Rat).SetFrac(nanoseconds, big.NewInt(1e9)), nil
		}
	}
	if len(s) >= 5 {
		if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
			return new(big.Rat).SetInt64(seconds), nil
		}
	}
	return nil, fmt.Errorf("%q is not a date", s)
}

func inside(value, want string) (bool, error) {
	address, err := netip.ParseAddr(value)
	if err != nil || address.Zone() != "" {
		return false, fmt.Errorf("%q is not an address", value)
	}
	network, err := ParseNetwork(want)
	if err != nil {
		return false, err
	}
	return network.Contains(address.Unmap()), nil
}

// ParseNetwork reads 203.0.113.0/24, 2001:db8::/32 or a single address.
func ParseNetwork(s string) (netip.Prefix, error) {
	if network, err := netip.ParsePrefix(s); err == nil {
		return network.Masked(), nil
	}
	if address, err := netip.ParseAddr(s); err == nil && address.Zone() == "" {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.Prefix{}, fmt.Errorf("%q is not a range of addresses", s)
}

// String is the operator as policies spell it.
func (o Operator) String() string {
	name := [...]string{Single: "", All: "ForAllValues:", Any: "ForAnyValue:"}[o.Each] + o.name
	if o.IfExists {
		name += "IfExists"
	}
	return name
}
