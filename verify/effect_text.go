package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/iam"
)

// InEffect is what [Effects] finds in the form that [iam.View] prints under a role.
func InEffect(w iam.World, roles ...iam.ARN) map[iam.ARN][]iam.Note {
	out := map[iam.ARN][]iam.Note{}
	for _, e := range Effects(w, roles...) {
		out[e.Role] = e.Notes()
	}
	return out
}

// few is how many names a reviewer reads; of more, they are counted by kind.
const few = 6

// Notes are the effect for people: a line or two for each question a reviewer asks.
func (e Effect) Notes() []iam.Note {
	out := []iam.Note{{Label: "taken by", Items: orElse(e.takenBy(), "nobody")}, {Label: "does", Items: e.does()}, {Label: "becomes", Items: orElse(e.comesTo(), "nobody else")}}
	for _, n := range []iam.Note{{Label: "items", Items: e.itemTexts()}, {Label: "alone", Items: summed(e.Alone, 2*few)}} {
		if len(n.Items) > 0 {
			out = append(out, n)
		}
	}
	if e.Blind {
		out = append(out, iam.Note{Label: "not seen", Items: []string{"functions, gateways and runtimes, and so who becomes whom through them"}})
	}
	return out
}

func orElse(list []string, none string) []string {
	if len(list) == 0 {
		return []string{none}
	}
	return list
}

// takenBy is one item for each role, with everything it does to become this one, and each
// outsider that no role hands it to.
func (e Effect) takenBy() []string {
	var order []iam.ARN
	ways, handedTo := map[iam.ARN][]string{}, ""
	for _, hop := range e.Takers {
		if !slices.Contains(order, hop.Of) {
			order = append(order, hop.Of)
		}
		handedTo += hop.How + "\n"
		ways[hop.Of] = append(ways[hop.Of], way(hop.How, e.Role)...)
	}
	var out []string
	for _, role := range order {
		out = append(out, e.called(role)+bracketed(ways[role]))
	}
	for _, who := range e.Outsiders {
		if !strings.Contains(handedTo, passes+who+"\n") {
			out = append(out, e.called(iam.ARN(who)))
		}
	}
	return out
}

const passes = "passes to "

// way is how a role comes to another in few words: to assume it needs none, and a thing that
// is called as the role it runs as is "it".
func way(how string, to iam.ARN) []string {
	if how == "assumes" {
		return nil
	}
	how = strings.TrimSuffix(how, ", which runs as")
	if service, ok := strings.CutPrefix(how, passes); ok {
		how = "hands it to " + service
	}
	if verb, thing, _ := strings.Cut(how, " "); thing == to.Name() {
		how = verb + " it"
	}
	return []string{how}
}

func bracketed(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, ", ") + ")"
}

// called is a principal's name, with its account where that is another one.
func (e Effect) called(who iam.ARN) string {
	account := who.Account()
	switch {
	case account == "" || who.Part(2) != "iam":
		return string(who)
	case account == e.Role.Account():
		return who.Name()
	}
	return who.Name() + " of " + account
}

func (e Effect) comesTo() []string {
	if len(e.Becomes) > few {
		return e.counted()
	}
	var out []string
	for _, r := range e.Becomes {
		how := way(r.How, r.To)
		if r.Steps > 1 {
			how = append(how, fmt.Sprintf("step %d", r.Steps))
		}
		out = append(out, e.called(r.To)+bracketed(how))
	}
	return out
}

// counted is many ways by the first step.
func (e Effect) counted() []string {
	kinds := map[string]int{}
	for _, r := range e.Becomes {
		kind, _, _ := strings.Cut(r.How, " ")
		if service, ok := strings.CutPrefix(r.How, passes); ok {
			kind = "hands to " + service
		}
		if r.Steps > 1 {
			kind = "reaches through those"
		}
		kinds[kind]++
	}
	out := []string{fmt.Sprintf("%d others", len(e.Becomes))}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		out = append(out, fmt.Sprintf("%d it %s", kinds[kind], kind))
	}
	return []string{out[0] + ": " + strings.Join(out[1:], ", ")}
}

func (e Effect) does() []string {
	if len(e.May) == 0 {
		return []string{"nothing"}
	}
	out, but := []string{"all that is granted"}, []string{}
	for _, l := range e.Less {
		part, by := "part of ", slices.Clone(l.By)
		if l.Wholly {
			part = ""
		}
		for i := range by {
			by[i] = cmp.Or(by[i], "the boundary")
		}
		but = append(but, part+sidOf(l.Sid)+bracketed(by))
	}
	if len(but) > 0 {
		out = append([]string{out[0] + " less " + but[0]}, but[1:]...)
	}
	for _, m := range e.May {
		if m.Unproven != "" {
			out = append(out, "not decided: "+sidOf(m.Sid)+bracketed([]string{m.Unproven}))
		}
	}
	return out
}

func sidOf(sid string) string { return cmp.Or(sid, "a statement without Sid") }

func (e Effect) itemTexts() []string {
	var out []string
	for _, i := range e.Items {
		keys := "any key"
		if len(i.Keys) > 0 {
			keys = strings.Join(i.Keys, " ")
		}
		out = append(out, i.Table.Name()+" under "+keys)
	}
	return out
}

// summed is a list of actions, of more than most their number in each service.
func summed(actions []string, most int) []string {
	if len(actions) <= most {
		return actions
	}
	services := map[string]int{}
	for _, a := range actions {
		service, _, _ := strings.Cut(a, ":")
		services[service]++
	}
	var out []string
	for _, service := range slices.Sorted(maps.Keys(services)) {
		out = append(out, fmt.Sprintf("%d of %s", services[service], service))
	}
	return out
}
