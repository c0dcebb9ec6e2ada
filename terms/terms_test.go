package terms

import (
	"encoding"
	"fmt"
	"testing"
	"time"
)

func TestEachTermReadsItsOwnFormAndRefusesEverythingElse(t *testing.T) {
	for _, c := range []struct {
		name   string
		into   encoding.TextUnmarshaler
		accept []string
		refuse []string
	}{
		{"account", new(AccountID), []string{"012345678901"}, []string{"", "12345678901", "1234567890123", "12345678901a", "١٢٣٤٥٦٧٨٩٠١٢"}},
		{"name", new(Name), []string{"a", "loan-processor", "pull_credit_report", "A1"}, []string{"", "1a", "a--b", "a__b", "a-", "_a", "a b", "a.b", "é"}},
		{"digest", new(Digest), []string{fmt.Sprintf("sha256:%064x", 7)}, []string{"", "sha256:", fmt.Sprintf("sha256:%064X", 0xAB), fmt.Sprintf("sha1:%064x", 7)}},
		{"access", new(Access), []string{"read", "write"}, []string{"", "Read", "readwrite"}},
		{"money", new(MicroUSD), []string{"2.00 USD", "0 USD", "0.000001 USD", "999999999999 USD"}, []string{"", "2", "2.00", "$2", "-2 USD", "2. USD", ".5 USD", "2.0000001 USD", "1e3 USD", "9999999999999 USD", "2 EUR"}},
		{"span", new(Span), []string{"60s", "15m", "90d", "7y", "100y"}, []string{"", "0s", "-1d", "1.5h", "1w", "s", "101y", "99999999999999999999s", "+1s"}},
		{"percent", new(Percent), []string{"0%", "150%"}, []string{"", "5", "-5%", "+5%", "5.5%", "%"}},
		{"zone", new(Zone), []string{"America/New_York", "UTC"}, []string{"", "Local", "Mars/Olympus", "../etc/passwd"}},
		{"date", new(Date), []string{"2028-02-29"}, []string{"", "2027-02-29", "23.11.2026"}},
		{"hours", new(Hours), []string{"08:00-18:00", "22:00-06:00"}, []string{"", "8-18", "08:00-08:00", "08:00", "24:00-25:00"}},
	} {
		for _, s := range c.accept {
			if err := c.into.UnmarshalText([]byte(s)); err != nil {
				t.Errorf("%s %q was refused: %v", c.name, s, err)
			}
		}
		for _, s := range c.refuse {
			if err := c.into.UnmarshalText([]byte(s)); err == nil {
				t.Errorf("%s %q was accepted", c.name, s)
			}
		}
	}
}

func TestMoneyAndSpansPrintWhatTheyRead(t *testing.T) {
	for _, text := range []string{"2.00 USD", "0.35 USD", "0.000001 USD", "50.00 USD", "1234.567 USD"} {
		var m MicroUSD
		if err := m.UnmarshalText([]byte(text)); err != nil || m.String() != text {
			t.Errorf("%s became %s (%v)", text, m, err)
		}
	}
	for _, text := range []string{"60s", "15m", "90d", "7y"} {
		var s Span
		if err := s.UnmarshalText([]byte(text)); err != nil || (s.String() != text && s.String() != "1m") {
			t.Errorf("%s became %s (%v)", text, s, err)
		}
	}
}

func TestTheSmallestAmountOfMoneyStillPrints(t *testing.T) {
	if got := MicroUSD(-1 << 63).String(); got != "-9223372036854.775808 USD" {
		t.Errorf("got %s", got)
	}
}

func TestAWindowOverMidnightHoldsBothSidesOfIt(t *testing.T) {
	night := Hours{From: "22:00", To: "06:00"}
	at := func(clock string) time.Time { v, _ := time.Parse("15:04", clock); return v }
	for clock, want := range map[string]bool{"21:59": false, "22:00": true, "00:00": true, "05:59": true, "06:00": false} {
		if got := night.Contains(at(clock)); got != want {
			t.Errorf("%s: got %v, want %v", clock, got, want)
		}
	}
	if (Hours{}).Contains(at("00:00")) {
		t.Error("the zero window contains midnight; it must contain nothing")
	}
}

func TestZeroTermsNameNothing(t *testing.T) {
	if !(Lane{}).IsZero() || !(Lane{Platform: "p", Environment: "e", Agent: "a"}).IsZero() {
		t.Error("a lane with a missing part must be nobody")
	}
	if (Pos{}).String() != "-" {
		t.Error("the zero place must print as nowhere")
	}
}

func TestAZoneIsReadFromTheDatabaseOnce(t *testing.T) {
	first := Zone("America/New_York").Location()
	if again := Zone("America/New_York").Location(); again != first {
		t.Error("every tool call pays for reading its day's zone again")
	}
	if Zone("Mars/Olympus").Location() != time.UTC || Zone("").Location() != time.UTC {
		t.Error("a zone that nobody knows has another day than UTC's")
	}
}
