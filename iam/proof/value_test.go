package proof

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"remit/iam"
)

func kept(when ...iam.Condition) iam.Document { return iam.Doc(allow("S", "*", "*", when...)) }

// TestOneValueIsTriedInEveryPlaceThatPoliciesTellApart states the values: those named,
// one between each two, and one beyond either end.
func TestOneValueIsTriedInEveryPlaceThatPoliciesTellApart(t *testing.T) {
	finest := "0." + strings.Repeat("0", longest-3) + "1"
	for _, c := range []struct {
		of   use
		want []string
	}{
		{use{bools: true}, []string{"true", "false"}},
		{use{other: iam.Numbers}, []string{"0"}},
		{use{other: iam.Numbers, wants: []string{"7"}}, []string{"6", "7", "8"}},
		{use{other: iam.Numbers, wants: []string{"2", "1"}}, []string{"0", "1", "1.5", "2", "3"}},
		{use{other: iam.Numbers, wants: []string{"-1.5", "4", "no number", "1.25"}}, []string{"-2.5", "-1.5", "-1", "1.25", "2", "4", "5"}},
		{use{other: iam.Numbers, wants: []string{"0", finest}}, []string{"-1", "0", "0." + strings.Repeat("0", longest-2) + "5", finest, "1." + finest[2:]}},
		{use{other: iam.Dates, wants: []string{"2026-01-02", "2026-01-01"}}, []string{"2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-02T00:00:00Z", "2026-01-02T00:00:01Z"}},
		{use{other: iam.Dates, wants: []string{"2026-01-01T00:00:00.5Z"}}, []string{"2025-12-31T23:59:59.5Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01.5Z"}},
		{use{other: iam.Dates, wants: []string{"9999-12-31T23:59:59Z"}}, []string{"9999-12-31T23:59:58Z", "9999-12-31T23:59:59Z", "253402300800"}},
		{use{other: iam.Dates, wants: []string{"0000-01-01"}}, []string{"-62167219201", "0000-01-01T00:00:00Z", "0000-01-01T00:00:01Z"}},
		{use{other: iam.IPs}, []string{"192.0.2.1", "2001:db8::1"}},
		{use{other: iam.IPs, wants: []string{"10.0.0.4/30"}}, []string{"192.0.2.1", "2001:db8::1", "10.0.0.4", "10.0.0.7", "10.0.0.3", "10.0.0.8"}},
		{use{other: iam.IPs, wants: []string{"no range", "10.1.130.7/17"}}, []string{"192.0.2.1", "2001:db8::1", "10.1.128.0", "10.1.255.255", "10.1.127.255", "10.2.0.0"}},
		{use{other: iam.IPs, wants: []string{"0.0.0.0/0"}}, []string{"192.0.2.1", "2001:db8::1", "0.0.0.0", "255.255.255.255"}},
		{use{other: iam.IPs, wants: []string{"198.51.100.9"}}, []string{"192.0.2.1", "2001:db8::1", "198.51.100.9", "198.51.100.9", "198.51.100.8", "198.51.100.10"}},
		{use{other: iam.IPs, wants: []string{"2001:db8::/33"}}, []string{"192.0.2.1", "2001:db8::1", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:8000::"}},
	} {
		if got := c.of.candidates(); !slices.Equal(got, c.want) {
			t.Errorf("%v\n got %q\nwant %q", c.of.wants, got, c.want)
		}
	}
}

// TestADateBeyondYearsOfFourDigitsIsStillADate: seconds reach further than years do.
func TestADateBeyondYearsOfFourDigitsIsStillADate(t *testing.T) {
	const last, beyond = "9999-12-31T23:59:59Z", "253402300800"
	is := func(op, date string) iam.Document { return kept(iam.When(op, "aws:CurrentTime", date)) }
	answers(t, "after the last year", Empty(is("DateGreaterThan", last), nil, 0), false)
	answers(t, "before the first", Empty(is("DateLessThan", "0000-01-01"), nil, 0), false)
	answers(t, "a date in seconds", Empty(is("DateEquals", beyond), nil, 0), false)
	answers(t, "which is later than years", Subset(is("DateGreaterThanEquals", beyond), is("DateGreaterThan", last), 0), true)
	answers(t, "and between them is half a second", Subset(is("DateGreaterThan", last), is("DateGreaterThanEquals", beyond), 0), false)
	answers(t, "after the last second is none", Empty(is("DateGreaterThan", strconv.Itoa(math.MaxInt64)), nil, 0), true)
	answers(t, "before the first second is none", Empty(is("DateLessThan", strconv.Itoa(math.MinInt64)), nil, 0), true)
}

func TestABoolThatIsNeitherTrueNorFalseIsADoubt(t *testing.T) {
	for _, want := range []string{"1", "t", "0", "F", "yes", ""} {
		unproved(t, want, Empty(kept(iam.When("Bool", "aws:SecureTransport", want)), nil, 0))
	}
	answers(t, "in any case", Subset(kept(iam.When("Bool", "aws:SecureTransport", "TRUE")), kept(iam.When("Bool", "aws:SecureTransport", "true")), 0), true)
}
