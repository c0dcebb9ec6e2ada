package identity

import (
	"net/http"
	"testing"
)

func TestOneAuthorizationHeaderIsReadAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		want    string
	}{
		"one": {[]string{"Bearer a.b.c"}, "a.b.c"}, "any case": {[]string{"bEARER a.b.c"}, "a.b.c"}, "none": {nil, ""}, "two": {[]string{"Bearer a", "Bearer b"}, ""},
		"another scheme": {[]string{"Basic a"}, ""}, "no scheme": {[]string{"a.b.c"}, ""}, "empty": {[]string{""}, ""},
	} {
		r := &http.Request{Header: http.Header{"Authorization": c.headers}}
		if got := Bearer(r); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
