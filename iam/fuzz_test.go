package iam

import (
	"bytes"
	"strings"
	"testing"
)

func TestAnAmbiguousDocumentIsRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"Action and NotAction", `{"Statement":{"Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*"}}`, "both there"},
		{"NotAction of nothing", `{"Statement":{"Effect":"Allow","NotAction":[],"Resource":"*"}}`, "lists nothing"},
		{"NotPrincipal of nothing", `{"Statement":{"Effect":"Deny","NotPrincipal":{},"Action":"*","Resource":"*"}}`, "lists nothing"},
		{"two effects", `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Effect":"Allow"}}`, `"Effect" is there twice`},
		{"two statements elements", `{"Statement":[],"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, `"Statement" is there twice`},
		{"two operators", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"true"},"Bool":{"a:c":"true"}}}}`, `"Bool" is there twice`},
	} {
		if d, err := ParseDocument([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want an error with %q", c.name, d, err, c.want)
		}
	}
	if _, err := ParseDocument([]byte(`{"Statement":[{"Effect":"Allow","Action":["a:b","a:b"],"Resource":"*","Condition":{"Bool":{"x:y":"true"},"Null":{"x:y":"true"}}},{"Effect":"Allow","Action":"Effect","Resource":"*"}]}`)); err != nil {
		t.Errorf("the same words in other places: %v", err)
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	d, err := ParseDocument([]byte(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericLessThan":{"a:b":[0.0000001,123456789012,2.5]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(d.Statements[0].When[0].Values, " "); got != "0.0000001 123456789012 2.5" {
		t.Errorf("got %s", got)
	}
}

var seeds = []string{
	`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":["111111111111","*"],"Service":"x.amazonaws.com"},"Action":["s3:Get*"],"Resource":"arn:aws:s3:::b/${aws:PrincipalTag/t, 'd'}/?","Condition":{"ForAllValues:StringLike":{"aws:TagKeys":["a*","${*}"]},"Null":{"aws:TagKeys":false}}}]}`,
	`{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::1:root"},"NotAction":"*","NotResource":["a:*:b"],"Condition":{"NumericLessThan":{"k:n":1.5},"DateGreaterThan":{"k:d":"2026-01-01"},"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"},"ArnLike":{"k:a":"arn:*:?:::x"}}}}`,
	`{}`, `{"Statement":[]}`, `null`, `[`, `{"Statement":{"Effect":"Allow"}}`,
}

// FuzzDocument holds that whatever is read prints to what reads the same, that evaluating
// it neither panics nor hangs, and that meaning survives the printing.
func FuzzDocument(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "s3:GetObject", "arn:aws:s3:::b/d/x", "aws:TagKeys", "a")
	}
	f.Fuzz(func(t *testing.T, text []byte, action, resource, key, value string) {
		d, err := ParseDocument(text)
		if err != nil {
			return
		}
		again, err := ParseDocument(d.JSON())
		if err != nil {
			t.Fatalf("%s prints to what cannot be read: %v", d.JSON(), err)
		}
		if !bytes.Equal(d.JSON(), again.JSON()) {
			t.Fatalf("printed and read again it is another document:\n%s\n%s", d.JSON(), again.JSON())
		}
		r := Request{Principal: us, Action: action, Resource: resource, Context: map[string][]string{key: {value}}}
		if a, b := d.Eval(r), again.Eval(r); a != b {
			t.Fatalf("printed and read again it decides otherwise: %v, %v\n%s", a, b, d.JSON())
		}
	})
}

// FuzzPattern holds that a pattern neither panics nor hangs, and that the narrow reading of
// its wildcards never matches more than the wide one.
func FuzzPattern(f *testing.F) {
	f.Add("arn:aws:s3:::*/x", "arn:aws:s3:::b/x")
	f.Add("a*?*b:${aws:x, 'y'}${*}", "aab:y*")
	f.Add("*****************************a", strings.Repeat("b", 100))
	f.Fuzz(func(t *testing.T, text, value string) {
		if len(text)+len(value) > 1<<12 {
			return
		}
		bound := func(r Reading) (Pattern, bool) {
			p, err := ParsePattern(text, Version, r)
			if err != nil {
				return nil, false
			}
			p, t := p.bind(keys{})
			return p, t == yes
		}
		wide, ok := bound(Whole)
		if !ok {
			return
		}
		narrow, _ := bound(Segments)
		if narrow.match(value, false) && !wide.match(value, false) {
			t.Fatalf("%q matches %q by segments but not as a whole", text, value)
		}
		if wide.match(value, false) && !wide.match(value, true) {
			t.Fatalf("%q matches %q only with case", text, value)
		}
	})
}

// FuzzCondition holds that no operator and value panic or hang, and that a negated operator
// is the opposite of its positive one wherever the key is there and both are decided.
func FuzzCondition(f *testing.F) {
	for op := range operators {
		f.Add(op, "1", "1")
	}
	f.Add("DateEquals", "2026-01-01T00:00:00Z", "1767225600")
	f.Add("IpAddress", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1")
	f.Fuzz(func(t *testing.T, op, want, have string) {
		context := keys{"k:a": {have}}
		got := When(op, "k:a", want).holds(context, Version)
		o, err := ParseOperator(op)
		if err != nil {
			if got != maybe {
				t.Fatalf("%s is no operator and yet decides %v", op, got)
			}
			return
		}
		opposite := strings.Replace(op, o.name, map[bool]string{true: strings.Replace(o.name, "Not", "", 1), false: "-"}[o.Negated], 1)
		if o.Negated && o.Each == Single {
			if other := When(opposite, "k:a", want).holds(context, Version); other.not() != got {
				t.Fatalf("%s is %v and %s is %v of %q with %q", op, got, opposite, other, have, want)
			}
		}
	})
}

// FuzzARN holds that the parts of an ARN never panic and join to what they were.
func FuzzARN(f *testing.F) {
	f.Add("arn:aws:iam::111111111111:role/p/app")
	f.Add("::::::")
	f.Fuzz(func(t *testing.T, text string) {
		a := ARN(text)
		parts := make([]string, 6)
		for i := range parts {
			parts[i] = a.Part(i)
		}
		if strings.Count(text, ":") >= 5 && strings.Join(parts, ":") != text {
			t.Fatalf("%q falls into %q", text, parts)
		}
		_, _, _ = a.Account(), a.Name(), roleOf(a)
	})
}
