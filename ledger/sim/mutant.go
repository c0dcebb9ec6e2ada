package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/ledger"
)

// Mutant is a planted bug. The product holds no switch for it: what the ledger sends is
// changed on its way.
type Mutant struct {
	Name  string
	plant func(*world)
}

// Hunt plays seeds until one shows the bug, and answers how many that took; 0 if none of
// them did.
func (m Mutant) Hunt(seeds uint64) (took uint64, violation string) {
	for seed := range seeds {
		if r := play(seed, m.plant); r.Violation != "" {
			return seed + 1, r.Violation
		}
	}
	return 0, ""
}

// Conditions is one mutant for every condition of every kind of operation that the ledger
// sent in some seeds: the operation without it.
func Conditions(seeds uint64) []Mutant {
	seen := map[string]bool{}
	for seed := range seeds {
		play(seed, func(w *world) {
			w.db.mutate = func(ops []ledger.Op) []ledger.Op {
				for _, op := range ops {
					for _, c := range op.If {
						seen[conditionName(op, c)] = true
					}
				}
				return ops
			}
		})
	}
	var out []Mutant
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, Mutant{"without " + name, func(w *world) { w.db.mutate = each(func(op ledger.Op) ledger.Op { return without(op, name) }) }})
	}
	return out
}

func each(change func(ledger.Op) ledger.Op) func([]ledger.Op) []ledger.Op {
	return func(ops []ledger.Op) []ledger.Op {
		out := make([]ledger.Op, len(ops))
		for n, op := range ops {
			out[n] = change(op)
		}
		return out
	}
}

func without(op ledger.Op, name string) ledger.Op {
	op.If = slices.DeleteFunc(slices.Clone(op.If), func(c ledger.Condition) bool { return conditionName(op, c) == name })
	return op
}

// conditionName is the kind of an operation, by where and what it writes, and a condition
// of it: the same for all calls.
func conditionName(op ledger.Op, c ledger.Condition) string {
	return kindOf(op) + ": " + stem(c.Attribute) + " " + c.Op
}

func kindOf(op ledger.Op) string {
	place := stem(strings.ReplaceAll(op.Key.Partition, "#", "/"))
	if place == "EXEC" && op.Key.Sort != "EXEC" {
		place = "CALL"
	}
	switch {
	case op.Put != nil:
		return fmt.Sprintf("%s put %s", place, op.Put["status"].S+op.Put["state"].S)
	case op.Delete:
		return place + " delete"
	case op.IsCheck():
		return place + " check"
	}
	if slices.ContainsFunc(op.If, func(c ledger.Condition) bool { return c.Attribute == "arguments" }) {
		return place + " used" // one operation, whether the call runs or is a duplicate
	}
	words := map[string]bool{}
	for name := range op.Add {
		words["+"+stem(name)] = true
	}
	for name := range op.Join {
		words["+"+name] = true
	}
	for name, v := range op.Set {
		if name == "status" || name == "state" {
			words[v.S] = true
		}
	}
	return place + " " + strings.Join(slices.Sorted(maps.Keys(words)), " ")
}

func stem(attribute string) string {
	before, _, _ := strings.Cut(attribute, "/")
	return before
}

// Bugs are the ways in which other ledgers broke, planted.
func Bugs() []Mutant {
	return []Mutant{
		{"check, then act", func(w *world) { w.gap = true }},
		{"a settle that counts every time it comes", func(w *world) { w.db.forget = true }},
		{"a release that gives nothing back", func(w *world) { w.db.mutate = releases(func(op ledger.Op) ledger.Op { return keep(op, "outcomes") }) }},
		{"a claim that is never given back", func(w *world) {
			w.db.mutate = each(func(op ledger.Op) ledger.Op {
				if op.Set["state"].S == "indeterminate" {
					op.Set = ledger.Item{}
					op.Remove = nil
				}
				return op
			})
		}},
		{"a lease without a fence", func(w *world) {
			w.db.mutate = each(func(op ledger.Op) ledger.Op {
				op.If = slices.Clone(op.If)
				for n, c := range op.If {
					if _, status, ok := strings.Cut(c.Value.S, " "); ok && c.Attribute == "turn" {
						op.If[n] = ledger.Condition{Attribute: "status", Op: "=", Value: ledger.Value{S: status}}
					}
				}
				return op
			})
		}},
		{"a day that ends a day late", func(w *world) { w.db.mutate = each(tomorrow) }},
		{"a reservation clipped to what is left", func(w *world) { w.db.mutate = each(w.clip) }},
		{"a sweep that does nothing", func(w *world) { w.db.mutate = releases(func(op ledger.Op) ledger.Op { return ledger.Op{Key: op.Key} }) }},
		{"an execution that nobody counts", func(w *world) {
			w.db.mutate = func(ops []ledger.Op) []ledger.Op {
				return slices.DeleteFunc(slices.Clone(ops), func(op ledger.Op) bool { return stem(strings.ReplaceAll(op.Key.Partition, "#", "/")) == "COUNT" })
			}
		}},
		{"an execution that is counted in another hour", func(w *world) {
			w.db.mutate = each(func(op ledger.Op) ledger.Op {
				if op.Put["kind"].S == "count" {
					op.Key.Partition += "0"
				}
				return op
			})
		}},
		{"a throttle that openings do not see", func(w *world) { w.blind = true }},
		{"switches that open executions do not see", func(w *world) {
			w.db.mutate = each(func(op ledger.Op) ledger.Op {
				if op.Set["status"].S == "stopped" || op.Join["stopped_tools"] != nil {
					return ledger.Op{Key: op.Key, If: op.If}
				}
				return op
			})
		}},
	}
}

// releases changes what the ends of calls that were not settled do to their execution.
func releases(change func(ledger.Op) ledger.Op) func([]ledger.Op) []ledger.Op {
	return func(ops []ledger.Op) []ledger.Op {
		status := ops[0].Set["status"].S
		if status != "released" && status != "indeterminate" {
			return ops
		}
		out := slices.Clone(ops)
		out[1] = change(out[1])
		return out
	}
}

func keep(op ledger.Op, name string) ledger.Op {
	op.Add = map[string]int64{name: op.Add[name]}
	return op
}

// tomorrow moves what is taken from a day, but not what is given back, to another.
func tomorrow(op ledger.Op) ledger.Op {
	if op.Key.Sort == "DAY#2026-11-25" && len(op.If) > 0 {
		op.Key.Sort = "DAY#2026-11-26"
	}
	return op
}

// clip takes what is left where more is asked for.
func (w *world) clip(op ledger.Op) ledger.Op {
	left := number(w.db.items[op.Key], "left/cost")
	if take := -op.Add["left/cost"]; take > left && op.Add["intents"] > 0 {
		op.Add = maps.Clone(op.Add)
		op.Add["left/cost"] = -left
		op.If = slices.DeleteFunc(slices.Clone(op.If), func(c ledger.Condition) bool { return c.Attribute == "left/cost" })
	}
	return op
}
