package cloud

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

type assumeRoleResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	Result  struct {
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      string
		}
	} `xml:"AssumeRoleResult"`
}

// sts lets everyone take any role, and notes the session's tags as conditions see them.
func (c *Cloud) sts(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "AssumeRole" {
		fail(w, http.StatusBadRequest, "InvalidAction", r.Form.Get("Action"))
		return
	}
	role, context := r.Form.Get("RoleArn"), map[string][]string{}
	for name, key := range map[string]string{"ExternalId": "sts:ExternalId", "SourceIdentity": "sts:SourceIdentity", "RoleSessionName": "sts:RoleSessionName", "Policy": "policy"} {
		if value := r.Form.Get(name); value != "" {
			context[key] = []string{value}
		}
	}
	for i := 1; r.Form.Get(fmt.Sprintf("Tags.member.%d.Key", i)) != ""; i++ {
		key := r.Form.Get(fmt.Sprintf("Tags.member.%d.Key", i))
		context["aws:RequestTag/"+key] = []string{r.Form.Get(fmt.Sprintf("Tags.member.%d.Value", i))}
		context["aws:TagKeys"] = append(context["aws:TagKeys"], key)
	}
	c.note(r, "sts:AssumeRole", role, context)
	var out assumeRoleResponse
	session := &out.Result.Credentials
	session.AccessKeyID, session.SecretAccessKey, session.SessionToken = c.accessKeyOf(role), "secret", "session of "+role
	session.Expiration = time.Now().Add(seconds(r.Form.Get("DurationSeconds"))).UTC().Format(time.RFC3339)
	w.Header().Set("Content-Type", "text/xml")
	_ = xml.NewEncoder(w).Encode(out) // the client has gone if this fails
}

// seconds is how long a session lasts; STS gives an hour when nobody says.
func seconds(asked string) time.Duration {
	n, err := strconv.Atoi(asked)
	if err != nil {
		n = 3600
	}
	return time.Duration(n) * time.Second
}
