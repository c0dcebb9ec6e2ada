package cloud

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// table passes a request on to DynamoDB Local, and notes what it does as IAM sees it: a
// transaction is allowed by the action of each of its operations (DynamoDB developer guide,
// transaction-apis-iam).
func (c *Cloud) table(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	var in tabled
	if err := json.Unmarshal(body, &in); err != nil {
		fail(w, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	if in.TableName != "" {
		c.note(r, "dynamodb:"+operation(r), in.TableName+index(in.IndexName), in.context())
	}
	for _, item := range in.TransactItems {
		for kind, part := range item {
			c.note(r, "dynamodb:"+actions[kind], part.TableName, part.context())
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.URL.Path, r.URL.RawPath = strings.TrimPrefix(r.URL.Path, "/"+DynamoDB), ""
	c.dynamodb.ServeHTTP(w, r)
}

// actions are the operations of a transaction by their names in it.
var actions = map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}

func index(name string) string {
	if name == "" {
		return ""
	}
	return "/index/" + name
}

// tabled is what bears on permissions in any operation on a table.
type tabled struct {
	TableName, IndexName, Select string
	Key, Item                    map[string]value
	KeyConditionExpression       string
	ExpressionAttributeNames     map[string]string
	ExpressionAttributeValues    map[string]value
	ProjectionExpression         string
	TransactItems                []map[string]tabled
}

// value is the part of an attribute value that a key can be.
type value struct{ S, N string }

// context is what conditions of DynamoDB look at (Service Authorization Reference, Amazon
// DynamoDB): the partition key, and for reads that name attributes, those.
func (t tabled) context() map[string][]string {
	out := map[string][]string{}
	for _, item := range []map[string]value{t.Key, t.Item} {
		if key, found := item["PK"]; found {
			out["dynamodb:LeadingKeys"] = []string{key.S}
		}
	}
	if key, found := t.ExpressionAttributeValues[":p"]; found && t.KeyConditionExpression == "PK = :p" {
		out["dynamodb:LeadingKeys"] = []string{key.S}
	}
	// Of a query of an index it is the index's own partition key.
	if key, found := t.ExpressionAttributeValues[":s"]; found && t.IndexName != "" && strings.HasPrefix(t.KeyConditionExpression, "#s = :s") {
		out["dynamodb:LeadingKeys"] = []string{key.S}
	}
	if t.ProjectionExpression != "" {
		out["dynamodb:Attributes"] = slices.Sorted(maps.Values(t.ExpressionAttributeNames))
	}
	if t.Select != "" {
		out["dynamodb:Select"] = []string{t.Select}
	}
	return out
}
