package ledger

import (
	"time"

	"remit/terms"
)

// DayOf is the calendar day of an instant in a time zone: the day whose limits a call
// takes. A day is what the calendar says: 23 or 25 hours where the clocks change.
func DayOf(at time.Time, zone terms.Zone) terms.Date {
	return terms.Date(at.In(zone.Location()).Format(time.DateOnly))
}

// NextDay is the first instant after a day in a time zone: when its limits are full again.
// It is the zero time for a date that does not exist.
func NextDay(day terms.Date, zone terms.Zone) time.Time {
	d, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return time.Time{}
	}
	next := d.AddDate(0, 0, 1)
	return midnightOf(next, next.Format(time.DateOnly), zone.Location())
}

// midnightOf looks for the instant at which the calendar reaches a day, because where clocks
// change at midnight time.Date answers an instant of the day before (Santiago), and a
// calendar can leave a day out (Apia, 30 December 2011).
func midnightOf(utc time.Time, day string, zone *time.Location) time.Time {
	from, to := utc.Add(-26*time.Hour), utc.Add(26*time.Hour) // no zone is further from UTC
	for to.Sub(from) > time.Millisecond {
		middle := from.Add(to.Sub(from) / 2)
		if middle.In(zone).Format(time.DateOnly) < day {
			from = middle
		} else {
			to = middle
		}
	}
	return to.Truncate(time.Second).UTC()
}
