package change

import "strings"

// difference is one thing that two declarations say differently. One of them may be silent.
type difference struct {
	was, is *leaf
}

func (d difference) gone() bool { return d.is == nil }

func (d difference) leaf() *leaf {
	if d.is != nil {
		return d.is
	}
	return d.was
}

// differences pairs what was said with what is. Of what came or went whole, only the whole is
// a difference: its parts say nothing more.
func differences(was, is leaves) []difference {
	var out []difference
	for _, d := range paired(was, is) {
		if n := len(out); n > 0 && out[n-1].holds(d) {
			continue
		}
		out = append(out, d)
	}
	return out
}

// holds reports whether another difference is a part of this one, which is whole. Paths are
// in order, so a whole comes before its parts.
func (d difference) holds(part difference) bool {
	if d.was != nil && d.is != nil || d.leaf().text != whole {
		return false
	}
	rest, under := strings.CutPrefix(part.leaf().path, d.leaf().path)
	return under && (strings.HasPrefix(rest, sep) || strings.HasPrefix(rest, "["))
}

// paired walks both in order. Values of one path are paired; members of a list are there or
// not.
func paired(was, is leaves) []difference {
	var out []difference
	for len(was) > 0 || len(is) > 0 {
		switch {
		case len(is) == 0 || len(was) > 0 && before(was[0], is[0]):
			out = append(out, difference{was: &was[0]})
			was = was[1:]
		case len(was) == 0 || before(is[0], was[0]):
			out = append(out, difference{is: &is[0]})
			is = is[1:]
		default:
			if was[0].text != is[0].text {
				out = append(out, difference{&was[0], &is[0]})
			}
			was, is = was[1:], is[1:]
		}
	}
	return out
}

func before(a, b leaf) bool {
	if a.path != b.path {
		return a.path < b.path
	}
	return strings.HasSuffix(a.path, "[]") && a.text < b.text
}

// judge finds the row and says what it makes of the difference.
func (d difference) judge() Change {
	l := d.leaf()
	c := Change{Path: l.place(), Class: Approval, By: Security, Reason: "no row says what this means"}
	if d.was != nil {
		c.Was = said(d.was.text)
	}
	if d.is != nil {
		c.Is = said(d.is.text)
	}
	r, found := rowOf(l.row)
	if !found {
		return c
	}
	m := d.meaning(r)
	if m.reason == "" {
		return c
	}
	c.Class, c.By, c.Row, c.Reason = m.class, m.by, r.Path, m.reason
	return c
}

// meaning is more, less or another, by presence and by order.
func (d difference) meaning(r Row) Meaning {
	switch {
	case d.was == nil:
		return r.More
	case d.is == nil:
		return r.Less
	case d.was.order && d.is.order && d.is.number > d.was.number:
		return r.More
	case d.was.order && d.is.order && d.is.number < d.was.number:
		return r.Less
	}
	return r.Other
}

// said is a text cut to what a line holds; that something is there needs no word.
func said(text string) string {
	if text == whole {
		return ""
	}
	if len(text) > 120 {
		return strings.ToValidUTF8(text[:117], "") + "…"
	}
	return text
}
