package session

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWhoFitsIsNamedAsTheyAre(t *testing.T) {
	for who, fits := range map[string]bool{"ana": true, "ana@acme.example": true, "auth0|507f": false, "a": false, strings.Repeat("a", 65): false, "Ána": false, "": false, "a b": false} {
		if got := Name(who); (got == who) != fits || len(got) < 2 || len(got) > 64 {
			t.Errorf("%q is named %q", who, got)
		}
	}
	for value, fits := range map[string]bool{"ana": true, "auth0|507f": false, "a#b": false, "": false, " ana": false, "sha256-ab": false, strings.Repeat("a", 256): true, strings.Repeat("a", 257): false} {
		if got := Tag(value); (got == value) != fits {
			t.Errorf("%q is tagged %q", value, got)
		}
	}
}

// STS takes every tag, none holds a wildcard, a variable or the separator of keys, and two
// users never share one.
func TestATagIsOneUsersAlone(t *testing.T) {
	takes := regexp.MustCompile(`^[A-Za-z0-9_.:/=+@-]{1,256}$`)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`(sha256-)?[a-f0-9|]{0,50}`))
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if !takes.MatchString(Tag(a)) {
			t.Errorf("%q is tagged %q", a, Tag(a))
		}
		if (a == b) != (Tag(a) == Tag(b)) || Tag(a) == Tag(Tag(a)) && Tag(a) != a {
			t.Errorf("%q and %q are tagged %q and %q", a, b, Tag(a), Tag(b))
		}
	})
}
