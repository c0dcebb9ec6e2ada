package load

import "testing"

func TestAnArgumentOfAPathStaysInItsSegment(t *testing.T) {
	text := func(pattern string) map[string]any { return map[string]any{"type": "string", "pattern": pattern} }
	for name, c := range map[string]struct {
		property map[string]any
		want     bool
	}{
		"a number":                     {map[string]any{"type": "integer"}, true},
		"a fraction":                   {map[string]any{"type": "number"}, false},
		"any text":                     {map[string]any{"type": "string"}, false},
		"words":                        {map[string]any{"enum": []any{"base", "v1.2"}}, true},
		"words, one of two segments":   {map[string]any{"enum": []any{"base", "a/b"}}, false},
		"words, one of them the above": {map[string]any{"enum": []any{"base", ".."}}, false},
		"letters and digits":           {text(`^[A-Za-z0-9-]+$`), true},
		"groups, repeats, choices":     {text(`^(A|B)-[0-9]{1,9}(-x)?$`), true},
		"any type of such a pattern":   {map[string]any{"pattern": `^[a-z]+$`}, false},
		"no beginning":                 {text(`[a-z]+$`), false},
		"no end":                       {text(`^[a-z]+`), false},
		"only one branch has an end":   {text(`^[a-z]+$|^x`), false},
		"a beginning of each line":     {text(`(?m)^[a-z]+$`), false},
		"anything":                     {text(`^.+$`), false},
		"anything but a slash":         {text(`^[^/]+$`), false},
		"a slash":                      {text(`^a/b$`), false},
		"a percent sign":               {text(`^%2[A-Z]$`), false},
		"dots alone":                   {text(`^[.a]+$`), false},
		"a dot within":                 {text(`^[a-z]+\.[a-z]+$`), true},
		"nothing":                      {text(`^[a-z]*$`), false},
		"either case":                  {text(`^(?i)abc$`), false},
		"no pattern at all":            {text(`^[`), false},
	} {
		if got := oneSegment(c.property); got != c.want {
			t.Errorf("%s: one segment: %v, want %v", name, got, c.want)
		}
	}
}
