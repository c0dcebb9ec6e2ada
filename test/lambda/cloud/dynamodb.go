package cloud

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
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
	var in struct {
		TableName     string
		IndexName     string
		TransactItems []map[string]struct{ TableName string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		fail(w, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	if in.TableName != "" {
		c.note(r, "dynamodb:"+operation(r), in.TableName+index(in.IndexName), nil)
	}
	for _, item := range in.TransactItems {
		for kind, operation := range item {
			c.note(r, "dynamodb:"+actions[kind], operation.TableName, nil)
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
