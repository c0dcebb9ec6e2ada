package listed

import (
	"maps"
	"slices"
	"testing"
)

const list = `# what a list looks like
no stream is opened,
because calls are short
  logging
  sampling

nothing else is offered
  resources
`

func TestAListHidesNothingNewAndOutlivesNothing(t *testing.T) {
	e, err := Read(list)
	if err != nil {
		t.Fatal(err)
	}
	want := Excuses{"logging": "no stream is opened, because calls are short", "sampling": "no stream is opened, because calls are short", "resources": "nothing else is offered"}
	if !maps.Equal(e, want) {
		t.Fatalf("read %v, want %v", e, want)
	}
	for name, c := range map[string]struct{ found, unlisted, stale []string }{
		"as listed":           {[]string{"resources", "sampling", "logging"}, nil, nil},
		"a new fault":         {[]string{"resources", "sampling", "logging", "ping"}, []string{"ping"}, nil},
		"a fault is mended":   {[]string{"resources", "logging"}, nil, []string{"sampling"}},
		"nothing was found":   {nil, nil, []string{"logging", "resources", "sampling"}},
		"a reason is no key":  {[]string{"resources", "sampling", "logging", "nothing else is offered"}, []string{"nothing else is offered"}, nil},
		"one for another":     {[]string{"resources", "sampling", "logging2"}, []string{"logging2"}, []string{"logging"}},
		"found in two places": {[]string{"resources", "sampling", "logging", "a", "a"}, []string{"a", "a"}, nil},
	} {
		if got := e.Unlisted(c.found); !slices.Equal(got, c.unlisted) {
			t.Errorf("%s: unlisted %v, want %v", name, got, c.unlisted)
		}
		if got := e.Stale(c.found); !slices.Equal(got, c.stale) {
			t.Errorf("%s: stale %v, want %v", name, got, c.stale)
		}
	}
}

func TestNothingIsExcusedWithoutAReason(t *testing.T) {
	for name, text := range map[string]string{
		"a key before any reason": "  logging\n",
		"a key twice":             "why\n  logging\nwhy else\n  logging\n",
		"a reason for nothing":    "why\n  logging\nwhy else\n",
		"a reason alone":          "why\n",
	} {
		if e, err := Read(text); err == nil {
			t.Errorf("%s was taken for a list: %v", name, e)
		}
	}
	if e, err := Read("# empty\n"); err != nil || len(e) != 0 {
		t.Errorf("an empty list excuses %v, %v", e, err)
	}
}
