package identity

import (
	"strings"
	"testing"
)

func nested(depth int) string {
	return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
}

func TestAnObjectIsReadInOneWayOrNotAtAll(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"nothing in it":                        {`{}`, true},
		"white space about it":                 {" \t\r\n{ } \t\r\n", true},
		"another white space behind it":        {"{}\v", false},
		"a space of Unicode behind it":         {"{}\u00a0", false},
		"another object behind it":             {`{}{}`, false},
		"null":                                 {`null`, false},
		"a list":                               {`[{}]`, false},
		"colons and quotes in texts":           {`{"a:\":":":\\","b":":"}`, true},
		"one name in two objects":              {`{"a":{"b":1},"c":[{"b":2},{"b":3}]}`, true},
		"a name twice":                         {`{"a":1,"b":2,"a":1}`, false},
		"a name twice, once escaped":           {`{"a":1,"\u0061":1}`, false},
		"a name twice, far inside":             {`{"a":[{"b":{"c":1,"c":1}}]}`, false},
		"a name twice, and the first is large": {`{"a":{"b":1,"c":2},"a":3}`, false},
		"no text":                              {`{"a":"` + "\xff" + `"}`, false},
		"half a pair":                          {`{"a":"\ud83d"}`, false},
		"half a pair in a name":                {`{"\ud83d":1}`, false},
		"half a pair in a list":                {`{"a":[1,"\ud83d"]}`, false},
		"half a pair in a name inside":         {`{"a":[{"\ud83d":1}]}`, false},
		"a whole pair":                         {`{"a":"\ud83d\ude00"}`, true},
		"as deep as may be":                    {nested(maxDepth), true},
		"a level deeper":                       {nested(maxDepth + 1), false},
		"objects a level too deep":             {strings.Repeat(`{"a":`, maxDepth) + "{}" + strings.Repeat("}", maxDepth), false},
		"no name":                              {`{:1}`, false},
		"no end":                               {`{"a":1`, false},
	} {
		if o, err := parseObject([]byte(c.text)); (err == nil) != c.want {
			t.Errorf("%s: %s is read as %v, %v", name, c.text, o, err)
		}
	}
}
