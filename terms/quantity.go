package terms

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MicroUSD is an amount of money in millionths of a US dollar. Arithmetic on it is
// exact; the zero value is no money.
type MicroUSD int64

// UnmarshalText accepts a decimal amount with its currency, such as "2.00 USD", with at
// most six decimals, no sign, and less than a trillion dollars.
func (m *MicroUSD) UnmarshalText(text []byte) error {
	amount, ok := strings.CutSuffix(string(text), " USD")
	whole, fraction, _ := strings.Cut(amount, ".")
	if !ok || whole == "" || len(whole) > 12 || len(fraction) > 6 || !digits(whole+fraction) || strings.HasSuffix(amount, ".") {
		return fmt.Errorf("an amount of money looks like 2.00 USD, with at most six decimals")
	}
	micro, err := strconv.ParseInt(whole+(fraction + "000000")[:6], 10, 64)
	if err != nil {
		return fmt.Errorf("an amount of money is at most 999999999999 USD")
	}
	*m = MicroUSD(micro)
	return nil
}

// String prints the amount with at least two decimals and its currency.
func (m MicroUSD) String() string {
	sign := ""
	if m < 0 {
		sign = "-"
	}
	whole, fraction := abs(int64(m))/1e6, abs(int64(m))%1e6
	text := strings.TrimRight(fmt.Sprintf("%06d", fraction), "0")
	return fmt.Sprintf("%s%d.%s USD", sign, whole, text+"00"[min(2, len(text)):])
}

func abs(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// Span is a length of time as people declare it: 60s, 15m, 8h, 90d, 7y. A day is 24 hours
// and a year 365 days; retention is not a calendar. The zero value is no time.
type Span time.Duration

var spanUnits = []struct {
	unit string
	size time.Duration
}{
	{"y", 365 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
}

// UnmarshalText accepts one positive whole number and one unit of s, m, h, d, y.
func (s *Span) UnmarshalText(text []byte) error {
	for _, u := range spanUnits {
		number, ok := strings.CutSuffix(string(text), u.unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !digits(number) || n == 0 || n > int64(100*spanUnits[0].size/u.size) {
			break
		}
		*s = Span(time.Duration(n) * u.size)
		return nil
	}
	return fmt.Errorf("a length of time is a whole number and s, m, h, d or y, such as 60s or 90d, and at most 100y")
}

// Duration is the span as Go's type.
func (s Span) Duration() time.Duration { return time.Duration(s) }

// Days is the span in whole days, rounded up, for services that count days.
func (s Span) Days() int {
	return int((time.Duration(s) + 24*time.Hour - 1) / (24 * time.Hour))
}

// String prints the largest unit that divides the span.
func (s Span) String() string {
	for _, u := range spanUnits {
		if d := time.Duration(s); d >= u.size && d%u.size == 0 {
			return strconv.FormatInt(int64(d/u.size), 10) + u.unit
		}
	}
	return "0s"
}

// Percent is a share or ratio in hundredths, so 150 is one and a half times.
// The zero value is nothing.
type Percent int

// UnmarshalText accepts a whole number and a percent sign.
func (p *Percent) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "%")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || !digits(number) || n > 1_000_000 {
		return fmt.Errorf("a percentage is a whole number and %%, such as 5%%")
	}
	*p = Percent(n)
	return nil
}

// String prints the number and a percent sign.
func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }

// Zone is a named time zone of the IANA database; it says when a day begins.
// The zero Zone has no location and [Zone.Location] answers UTC for it.
type Zone string

// UnmarshalText accepts names that the IANA database knows, and refuses "Local",
// which means something else on every machine.
func (z *Zone) UnmarshalText(text []byte) error {
	if _, err := time.LoadLocation(string(text)); err != nil || string(text) == "Local" || len(text) == 0 {
		return fmt.Errorf("a time zone is an IANA name, such as America/New_York or UTC")
	}
	*z = Zone(text)
	return nil
}

// locations are the zones that were asked for: LoadLocation reads its file anew each time,
// which costs a good part of what a whole tool call does.
var locations sync.Map // Zone → *time.Location

// Location is the zone as Go's type.
func (z Zone) Location() *time.Location {
	if known, ok := locations.Load(z); ok {
		return known.(*time.Location)
	}
	loc, err := time.LoadLocation(string(z))
	if err != nil {
		return time.UTC
	}
	locations.Store(z, loc)
	return loc
}

// Date is a calendar day, YYYY-MM-DD. The zero value is no day.
type Date string

// UnmarshalText accepts a day that exists.
func (d *Date) UnmarshalText(text []byte) error {
	if _, err := time.Parse(time.DateOnly, string(text)); err != nil {
		return fmt.Errorf("a date looks like 2026-11-23")
	}
	*d = Date(text)
	return nil
}

// Hours is a daily window in the environment's time zone, "08:00-18:00"; one that ends
// before it begins runs over midnight. The zero value is no hour of the day.
type Hours struct{ From, To string }

// UnmarshalText accepts two times of day, HH:MM, that differ.
func (h *Hours) UnmarshalText(text []byte) error {
	from, to, ok := strings.Cut(string(text), "-")
	if !ok || !clock(from) || !clock(to) || from == to {
		return fmt.Errorf("hours look like 08:00-18:00")
	}
	*h = Hours{From: from, To: to}
	return nil
}

func clock(s string) bool {
	_, err := time.Parse("15:04", s)
	return err == nil && len(s) == 5
}

// String prints the window as it is declared.
func (h Hours) String() string { return h.From + "-" + h.To }

// Contains reports whether the time of day of t, in t's own location, is in the window;
// the end is not part of it.
func (h Hours) Contains(t time.Time) bool {
	var clock [5]byte // a decision asks this for every call, so it takes no memory
	now := t.AppendFormat(clock[:0], "15:04")
	begun, over := h.From <= string(now), string(now) >= h.To
	if h.From < h.To {
		return begun && !over
	}
	return h.From != h.To && (begun || !over)
}

// MarshalText prints what UnmarshalText reads; the same holds for the quantities below.
func (m MicroUSD) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MarshalText prints the span as it is declared.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText prints the percentage as it is declared.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText prints the window as it is declared.
func (h Hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }
