package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"remit/terms"
)

// Keep is how long an item stays after the time it is about: long enough for the archive
// to have copied it and for a person to look at yesterday's trouble.
const Keep = 35 * 24 * time.Hour

// Keys. IAM sees of an item nothing but its partition, so that begins with what decides who
// may touch it: the lane, in the ids of executions and confirmations ([terms.Lane.Own]); the
// tool, in an idempotency key and in a limit of a user's day. A part that could hold the
// separator is escaped, or user "b#c" of tenant "a" would share a budget with user "c" of
// tenant "a#b".

var escape = strings.NewReplacer("%", "%25", "#", "%23")

func part[T ~string](s T) string { return escape.Replace(string(s)) }

func executionKey(id terms.ExecutionID) Key {
	return Key{LedgerTable, "EXEC#" + part(id), "EXEC"}
}

func callKey(id terms.ExecutionID, call terms.CallID) Key {
	return Key{LedgerTable, "EXEC#" + part(id), "CALL#" + part(call)}
}

func onceKey(key string) Key { return Key{LedgerTable, "ONCE#" + part(key), "ONCE"} }

func confirmKey(u terms.User, id string) Key {
	return Key{LedgerTable, confirmations(terms.OwnerOf(id), u), part(id)}
}

func confirmations(lane string, u terms.User) string {
	return "CONFIRM#" + part(lane) + "#" + part(u.Tenant) + "#" + part(u.ID)
}

func userDayKey(u terms.User, day terms.Date, limit string) Key {
	return Key{LedgerTable, "USER#" + part(limit) + "#" + part(u.Tenant) + "#" + part(u.ID), "DAY#" + string(day)}
}

func tenantDayKey(tenant string, day terms.Date) Key {
	return Key{LedgerTable, "TENANT#" + part(tenant), "DAY#" + string(day)}
}

func laneDayKey(lane terms.Lane, day terms.Date) Key {
	return Key{LedgerTable, "LANE#" + part(lane.Key()), "DAY#" + string(day)}
}

func laneCallKey(lane terms.Lane, call terms.CallID) Key {
	return Key{LedgerTable, "LANE#" + part(lane.Key()), "CALL#" + part(call)}
}

// openShards spread the items of open executions, because one partition takes 1,000 writes
// a second (DynamoDB Developer Guide, burst and adaptive capacity).
const openShards = 16

func openPartition(shard int) string { return "OPEN#" + strconv.Itoa(shard) }

func openKey(id terms.ExecutionID) Key {
	sum := sha256.Sum256([]byte(id))
	return Key{LedgerTable, openPartition(int(sum[0]) % openShards), part(id)}
}

func wideningKey(id string) Key { return Key{LedgerTable, "WIDEN#" + part(id), "WIDEN"} }
func countKey(agent string, closed time.Time, id terms.ExecutionID) Key {
	return Key{LedgerTable, countPartition(agent, closed), part(id)}
}

func countPartition(agent string, hour time.Time) string {
	return "COUNT#" + part(agent) + "#" + hour.UTC().Format(hourLayout)
}

func hourKey(agent string, hour time.Time) Key {
	return Key{LedgerTable, hoursPartition(agent), hour.UTC().Format(hourLayout)}
}

func hoursPartition(agent string) string { return "WATCH#" + part(agent) }

// hourLayout is a UTC hour, in order of time.
const hourLayout = "2006-01-02T15"

func throttleKey(lane terms.Lane) Key {
	return Key{LedgerTable, "THROTTLE#" + part(lane.Key()), "THROTTLE"}
}

var switchesKey = Key{LedgerTable, "SWITCHES", "SWITCHES"}

// Values.

func text[T ~string](s T) Value { return Value{S: string(s)} }

func number(n int64) Value { return Value{N: &n} }

// instant is a time in Unix milliseconds, so that a condition can compare it.
func instant(t time.Time) Value { return number(t.UnixMilli()) }

// seconds rounds up: nothing is due, or forgotten, before its time.
func seconds(t time.Time) Value { return number(t.Add(time.Second - 1).Unix()) }

func (i Item) text(name string) string { return i[name].S }

func (i Item) number(name string) int64 {
	if n := i[name].N; n != nil {
		return *n
	}
	return 0
}

func (i Item) has(name string) bool { _, ok := i[name]; return ok }

func (i Item) time(name string) time.Time {
	if !i.has(name) {
		return time.Time{}
	}
	return time.UnixMilli(i.number(name)).UTC()
}

// amounts reads the attributes "prefix/limit" back.
func (i Item) amounts(prefix string) map[string]int64 {
	out := map[string]int64{}
	for name := range i {
		if limit, ok := strings.CutPrefix(name, prefix+"/"); ok {
			out[limit] = i.number(name)
		}
	}
	return out
}

// Conditions.

func is(attribute string, v Value) Condition {
	return Condition{Attribute: attribute, Op: "=", Value: v}
}

func atLeast(attribute string, n int64) Condition {
	return Condition{Attribute: attribute, Op: ">=", Value: number(n)}
}

func after(attribute string, t time.Time) Condition {
	return Condition{Attribute: attribute, Op: ">", Value: instant(t)}
}

// fresh is the condition of an item that must not exist: every item says its kind.
var fresh = []Condition{{Attribute: "kind", Op: Absent}}

// digest tells whether two values, taken together in order, are the same.
func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(strconv.AppendInt(nil, int64(len(p)), 10))
		h.Write([]byte{':'})
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sorted is a copy in order of limit, so that equal amounts print equally.
func sorted(amounts []Amount) []Amount {
	out := slices.Clone(amounts)
	slices.SortFunc(out, func(a, b Amount) int { return strings.Compare(a.Limit, b.Limit) })
	return out
}
