package verify

import (
	globs "path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTwoPatternsMeetExactlyWhenSomeTextMatchesBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,4}`)
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		if got, want := meet(a, b), meetByTrying(a, b); got != want {
			t.Errorf("%q and %q meet: %v, want %v; a permission would be overlooked", a, b, got, want)
		}
	})
}

// meetByTrying tries every text of a and b up to the length that two patterns of four can need.
func meetByTrying(a, b string) bool {
	texts := []string{""}
	for range 8 {
		for _, text := range texts {
			if matches(a, text) && matches(b, text) {
				return true
			}
		}
		var longer []string
		for _, text := range texts {
			longer = append(longer, text+"a", text+"b")
		}
		texts = longer
	}
	return false
}

func matches(pattern, text string) bool {
	ok, err := globs.Match(pattern, text)
	return err == nil && ok && !strings.Contains(text, "/")
}
