// Package promotion edits which versions of an agent run in an environment: the text of one
// environment file goes in, and comes out with everything else as it was, byte for byte:
// comments, order, quotes, layout, line ends. It knows YAML's places and what a lane is; it
// knows no file system, no history and no rule about who may promote what. Start with [Edit].
//
// It replaces, adds and removes stretches of text at places the YAML library gives, after
// looking whether what it expects stands there; it never writes a document anew. What is
// written in a form it does not know is refused, with its place.
package promotion

import (
	"fmt"
	"regexp"
	"slices"

	"remit/platform"
	"remit/terms"
)

// Edit is what shall run of an agent. Lane replaces the agent's lane of that name, or stands
// behind the others where there is none; the zero Lane changes none. Gone is the name of a
// lane that shall be no more, "" for none. The zero Edit changes nothing.
//
// A lane that is removed takes the comments inside it along. Every other comment stays.
type Edit struct {
	Agent string
	Lane  platform.Lane
	Gone  string
}

// Refusal is a text that is not edited: where, what stands there, and what to do.
type Refusal struct {
	At       terms.Pos
	What, Do string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s; %s", r.At, r.What, r.Do) }

// SameVersion reports whether two lanes run the same code, prompts and parameters.
func SameVersion(a, b platform.Lane) bool {
	return a.Code == b.Code && a.Prompts == b.Prompts && a.Parameters == b.Parameters
}

// Apply is the edited text of an environment file; file is how places in it are shown. The
// error is a [*Refusal] where the text cannot be edited safely, and then there is no text.
func (e Edit) Apply(file string, text []byte) ([]byte, error) {
	if e.Lane.Name != "" {
		if err := wellFormed(e.Lane); err != nil {
			return nil, err
		}
		s := read(file, text)
		s.put(e.Agent, e.Lane)
		edited, err := s.spliced()
		if err != nil {
			return nil, err
		}
		text = edited
	}
	if e.Gone != "" {
		s := read(file, text)
		s.remove(e.Agent, e.Gone)
		return s.spliced()
	}
	return slices.Clone(text), nil
}

// Sets is what the declaration says after the edit, where it said sets before.
func (e Edit) Sets(sets []platform.LaneSet) []platform.LaneSet {
	out := slices.Clone(sets)
	for i, set := range out {
		if set.Agent == e.Agent {
			out[i].Lanes = e.lanes(set.Lanes)
		}
	}
	return out
}

func (e Edit) lanes(lanes []platform.Lane) []platform.Lane {
	out := slices.Clone(lanes)
	if i := slices.IndexFunc(out, named(e.Lane.Name)); i >= 0 {
		out[i] = e.Lane
	} else if e.Lane.Name != "" {
		out = append(out, e.Lane)
	}
	return slices.DeleteFunc(out, named(e.Gone))
}

func named(name string) func(platform.Lane) bool {
	return func(l platform.Lane) bool { return l.Name == name }
}

// Lanes is what a text says an agent runs, in its order; none where the agent has no lanes
// there. The error is a [*Refusal].
func Lanes(file string, text []byte, agent string) ([]platform.Lane, error) {
	s := read(file, text)
	_, all := s.key(s.root, "lanes")
	_, of := s.key(all, agent)
	var out []platform.Lane
	for key, value := range s.pairs(of) {
		out = append(out, s.lane(key, value))
	}
	return out, s.refused()
}

// lowerName is a name that is written into the text.
var lowerName = regexp.MustCompile(`^[a-z][a-z0-9]*([-_][a-z0-9]+)*$`)

// wellFormed keeps what is no name, digest or share out of a declaration.
func wellFormed(lane platform.Lane) error {
	if !lowerName.MatchString(lane.Name) {
		return fmt.Errorf("%q is no name of a lane: a lower-case letter, then letters, digits and single - or _", lane.Name)
	}
	for _, d := range digestsOf(lane) {
		if err := new(terms.Digest).UnmarshalText([]byte(d.value)); err != nil {
			return fmt.Errorf("%s of %s: %w", d.key, lane.Name, err)
		}
	}
	if err := new(terms.Percent).UnmarshalText([]byte(lane.Share.String())); err != nil {
		return fmt.Errorf("share of %s: %w", lane.Name, err)
	}
	return nil
}

// word is one key of a lane and its value.
type word struct{ key, value string }

func digestsOf(lane platform.Lane) []word {
	return []word{{"code", string(lane.Code)}, {"prompts", string(lane.Prompts)}, {"parameters", string(lane.Parameters)}}
}

// wordsOf is a lane in the order it is written in: how many users, then what.
func wordsOf(lane platform.Lane) []word {
	if lane.Share == 0 {
		return digestsOf(lane)
	}
	return append([]word{{"share", lane.Share.String()}}, digestsOf(lane)...)
}
