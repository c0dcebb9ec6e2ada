package ledger

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"remit/terms"
)

func TestADayBeginsWhereTheCalendarOfItsZoneSays(t *testing.T) {
	for _, c := range []struct {
		name string
		day  terms.Date
		zone terms.Zone
		next string
	}{
		{"an ordinary day", "2026-11-24", "America/New_York", "2026-11-25T05:00:00Z"},
		{"a day of 23 hours", "2026-03-08", "America/New_York", "2026-03-09T04:00:00Z"},
		{"a day of 25 hours", "2026-11-01", "America/New_York", "2026-11-02T05:00:00Z"},
		{"before a leap day", "2028-02-28", "UTC", "2028-02-29T00:00:00Z"},
		{"a leap day", "2028-02-29", "UTC", "2028-03-01T00:00:00Z"},
		{"clocks that skip midnight", "2026-09-05", "America/Santiago", "2026-09-06T04:00:00Z"},
		{"a day the calendar left out", "2011-12-29", "Pacific/Apia", "2011-12-30T10:00:00Z"},
		{"no zone is UTC", "2026-12-31", "", "2027-01-01T00:00:00Z"},
	} {
		if got := NextDay(c.day, c.zone).Format(time.RFC3339); got != c.next {
			t.Errorf("%s: limits are full again at %s, want %s", c.name, got, c.next)
		}
	}
	if !NextDay("2027-02-29", "UTC").IsZero() {
		t.Error("a day that does not exist ends")
	}
}

func TestNoInstantIsInTwoDaysOrInNone(t *testing.T) {
	zones := []terms.Zone{"America/New_York", "America/Santiago", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Apia", "Australia/Lord_Howe", "UTC", "Africa/Cairo"}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		at := time.Unix(rapid.Int64Range(1_577_836_800, 2_524_608_000).Draw(t, "at"), 0)
		day := DayOf(at, zone)
		next := NextDay(day, zone)
		if !next.After(at) || next.Sub(at) > 25*time.Hour {
			t.Fatalf("%s of %s ends at %s, yet %s is in it", day, zone, next, at)
		}
		if DayOf(next, zone) <= day || DayOf(next.Add(-time.Second), zone) != day {
			t.Fatalf("%s of %s does not end at %s", day, zone, next)
		}
	})
}
