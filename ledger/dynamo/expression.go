package dynamo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"remit/ledger"
)

// expression builds the texts of one operation. Every name and value is a placeholder, so
// that no attribute is a reserved word and no value is ever part of the text.
type expression struct {
	names  map[string]string
	values map[string]types.AttributeValue
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: map[string]types.AttributeValue{}}
}

func (e *expression) name(attribute string) string {
	placeholder := fmt.Sprint("#", len(e.names))
	for p, a := range e.names {
		if a == attribute {
			return p
		}
	}
	e.names[placeholder] = attribute
	return placeholder
}

func (e *expression) value(v types.AttributeValue) string {
	placeholder := fmt.Sprint(":", len(e.values))
	e.values[placeholder] = v
	return placeholder
}

func (e *expression) text(s string) string { return e.value(&types.AttributeValueMemberS{Value: s}) }

// conditions joins what must hold; nil where nothing must.
func (e *expression) conditions(all []ledger.Condition) (*string, error) {
	var texts []string
	for _, c := range all {
		t, err := e.condition(c)
		if err != nil {
			return nil, err
		}
		texts = append(texts, t)
	}
	return joined(texts, " AND "), nil
}

func joined(texts []string, with string) *string {
	if len(texts) == 0 {
		return nil
	}
	s := strings.Join(texts, with)
	return &s
}

// condition writes one condition. contains finds part of a text as well as a member of a
// set, so the type is asked first: tenant "acme" must not hold for "acme inc".
func (e *expression) condition(c ledger.Condition) (string, error) {
	a := e.name(c.Attribute)
	switch c.Op {
	case ledger.Exists:
		return "attribute_exists(" + a + ")", nil
	case ledger.Absent:
		return "attribute_not_exists(" + a + ")", nil
	case ledger.Holds:
		v := e.text(c.Value.S)
		return fmt.Sprintf("(%s = %s OR (attribute_type(%s, %s) AND contains(%s, %s)))", a, v, a, e.text("SS"), a, v), nil
	case ledger.Lacks:
		return fmt.Sprintf("(attribute_not_exists(%s) OR (attribute_type(%s, %s) AND NOT contains(%s, %s)))", a, a, e.text("SS"), a, e.text(c.Value.S)), nil
	case "=", "<", "<=", ">", ">=":
		compared := fmt.Sprintf("%s %s %s", a, c.Op, e.value(encode(c.Value)))
		if c.OrAbsent {
			return fmt.Sprintf("(attribute_not_exists(%s) OR %s)", a, compared), nil
		}
		return compared, nil
	}
	return "", fmt.Errorf("%w: no condition is called %q", ledger.ErrInvalid, c.Op)
}

// update writes what an update changes.
func (e *expression) update(op ledger.Op) *string {
	var set, add, remove []string
	for _, name := range slices.Sorted(maps.Keys(op.Set)) {
		set = append(set, e.name(name)+" = "+e.value(encode(op.Set[name])))
	}
	for _, name := range slices.Sorted(maps.Keys(op.Add)) {
		n := op.Add[name]
		add = append(add, e.name(name)+" "+e.value(encode(ledger.Value{N: &n})))
	}
	for _, name := range slices.Sorted(maps.Keys(op.Join)) {
		add = append(add, e.name(name)+" "+e.value(encode(ledger.Value{SS: op.Join[name]})))
	}
	for _, name := range op.Remove {
		remove = append(remove, e.name(name))
	}
	var clauses []string
	for _, c := range []struct {
		word  string
		parts []string
	}{{"SET ", set}, {"ADD ", add}, {"REMOVE ", remove}} {
		if len(c.parts) > 0 {
			clauses = append(clauses, c.word+strings.Join(c.parts, ", "))
		}
	}
	return joined(clauses, " ")
}

// write is one operation of a transaction, which answers a failed condition with the item
// it met.
func (s *Store) write(op ledger.Op) (types.TransactWriteItem, error) {
	table, err := s.table(op.Key.Table)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	op = sharded(op)
	e := newExpression()
	condition, err := e.conditions(op.If)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	old := types.ReturnValuesOnConditionCheckFailureAllOld
	if op.Key.Table == ledger.DirectoryTable {
		old = types.ReturnValuesOnConditionCheckFailureNone // whose a datum is is asked, never read
	}
	switch {
	case op.Put != nil:
		return types.TransactWriteItem{Put: &types.Put{TableName: table, Item: itemOf(op.Key, op.Put), ConditionExpression: condition,
			ExpressionAttributeNames: e.usedNames(), ExpressionAttributeValues: e.usedValues(), ReturnValuesOnConditionCheckFailure: old}}, nil
	case op.Delete:
		return types.TransactWriteItem{Delete: &types.Delete{TableName: table, Key: keyOf(op.Key), ConditionExpression: condition,
			ExpressionAttributeNames: e.usedNames(), ExpressionAttributeValues: e.usedValues(), ReturnValuesOnConditionCheckFailure: old}}, nil
	case op.IsCheck():
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: table, Key: keyOf(op.Key), ConditionExpression: condition,
			ExpressionAttributeNames: e.usedNames(), ExpressionAttributeValues: e.usedValues(), ReturnValuesOnConditionCheckFailure: old}}, nil
	}
	update := e.update(op)
	return types.TransactWriteItem{Update: &types.Update{TableName: table, Key: keyOf(op.Key), UpdateExpression: update, ConditionExpression: condition,
		ExpressionAttributeNames: e.usedNames(), ExpressionAttributeValues: e.usedValues(), ReturnValuesOnConditionCheckFailure: old}}, nil
}

// DynamoDB refuses an empty map of placeholders.

func (e *expression) usedNames() map[string]string {
	if len(e.names) == 0 {
		return nil
	}
	return e.names
}

func (e *expression) usedValues() map[string]types.AttributeValue {
	if len(e.values) == 0 {
		return nil
	}
	return e.values
}
