package proof

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"remit/iam"
)

// candidates are values of a key such that every question the search asks of it is true of
// one of them or of none: what policies name, and what lies just beside and between.
func (u *use) candidates() []string {
	switch {
	case u.bools:
		return []string{"true", "false"}
	case u.other == iam.IPs:
		return addresses(u.wants)
	case u.other == iam.Dates:
		return points(u.wants, iam.ReadDate, spellDate)
	}
	return points(u.wants, iam.ReadNumber, spellNumber)
}

// points are the wanted points, one between each two, and one beyond either end.
func points(wants []string, read func(string) (*big.Rat, error), spell func(*big.Rat) string) []string {
	var at []*big.Rat
	for _, want := range wants {
		if r, err := read(want); err == nil {
			at = append(at, r)
		}
	}
	if len(at) == 0 {
		return []string{spell(new(big.Rat))}
	}
	slices.SortFunc(at, (*big.Rat).Cmp)
	one := big.NewRat(1, 1)
	out := []string{spell(new(big.Rat).Sub(at[0], one))}
	for i, r := range at {
		out = append(out, spell(r))
		if i+1 < len(at) {
			out = append(out, spell(between(r, at[i+1])))
		}
	}
	return append(out, spell(new(big.Rat).Add(at[len(at)-1], one)))
}

// between is the next whole number if there is one, else the middle.
func between(a, b *big.Rat) *big.Rat {
	next := new(big.Rat).SetInt(new(big.Int).Add(new(big.Int).Div(a.Num(), a.Denom()), big.NewInt(1)))
	if next.Cmp(b) < 0 {
		return next
	}
	return new(big.Rat).Quo(new(big.Rat).Add(a, b), big.NewRat(2, 1))
}

// longest is how long a number a policy may name, in characters. Every candidate, one
// digit longer, is then a decimal that iam reads.
const longest = 48

func spellNumber(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(longest), "0")
}

// spellDate writes seconds where a year has not four digits, because only those are read.
func spellDate(r *big.Rat) string {
	nanoseconds := new(big.Rat).Mul(r, big.NewRat(1e9, 1))
	n := new(big.Int).Div(nanoseconds.Num(), nanoseconds.Denom())
	seconds, rest := new(big.Int).DivMod(n, big.NewInt(1e9), new(big.Int))
	date := time.Unix(seconds.Int64(), rest.Int64()).UTC().Format(time.RFC3339Nano)
	if _, err := iam.ReadDate(date); err != nil {
		return seconds.String()
	}
	return date
}

// addresses are the first and last of every range, and their neighbours outside.
func addresses(wants []string) []string {
	out := []string{"192.0.2.1", "2001:db8::1"} // documentation addresses, RFC 5737 and 3849
	add := func(a netip.Addr) {
		if a.IsValid() {
			out = append(out, a.String())
		}
	}
	for _, want := range wants {
		network, err := iam.ParseNetwork(want)
		if err != nil {
			continue
		}
		first, last := network.Addr(), lastOf(network)
		add(first)
		add(last)
		add(first.Prev())
		add(last.Next())
	}
	return out
}

func lastOf(network netip.Prefix) netip.Addr {
	bytes := network.Addr().AsSlice()
	for i := network.Bits(); i < len(bytes)*8; i++ {
		bytes[i/8] |= 1 << (7 - i%8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}
