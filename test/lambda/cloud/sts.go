package cloud

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
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

// sts lets everyone take any role, and notes what IAM would ask: tags and a source identity
// are permissions of their own (STS AssumeRole API).
func (c *Cloud) sts(w http.ResponseWriter, r *http.Request) {
	switch err := r.ParseForm(); {
	case err == nil && r.Form.Get("Action") == "GetCallerIdentity":
		c.identity(w, r)
		return
	case err != nil || r.Form.Get("Action") != "AssumeRole":
		fail(w, http.StatusBadRequest, "InvalidAction", r.Form.Get("Action"))
		return
	}
	role, context := r.Form.Get("RoleArn"), map[string][]string{}
	for name, key := range map[string]string{"ExternalId": "sts:ExternalId", "SourceIdentity": "sts:SourceIdentity", "RoleSessionName": "sts:RoleSessionName"} {
		if value := r.Form.Get(name); value != "" {
			context[key] = []string{value}
		}
	}
	by := c.Caller(accessKey(r))
	context["aws:userid"] = []string{"AROAEXAMPLE:" + by[strings.LastIndexByte(by, '/')+1:]}
	tags := tagsOf(r)
	for key, value := range tags {
		context["aws:RequestTag/"+key] = []string{value}
		context["aws:TagKeys"] = append(context["aws:TagKeys"], key)
	}
	c.note(r, "sts:AssumeRole", role, context)
	if len(tags) > 0 {
		c.note(r, "sts:TagSession", role, context)
	}
	if r.Form.Has("SourceIdentity") {
		c.note(r, "sts:SetSourceIdentity", role, context)
	}
	var out assumeRoleResponse
	given := &out.Result.Credentials
	given.AccessKeyID, given.SecretAccessKey, given.SessionToken = c.accessKeyOf(session{role, tags, r.Form.Get("RoleSessionName")}), Secret, "session of "+role
	given.Expiration = time.Now().Add(seconds(r.Form.Get("DurationSeconds"))).UTC().Format(time.RFC3339)
	w.Header().Set("Content-Type", "text/xml")
	_ = xml.NewEncoder(w).Encode(out) // the client has gone if this fails
}

type identityResponse struct {
	XMLName xml.Name                      `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	Result  struct{ Arn, Account string } `xml:"GetCallerIdentityResult"`
}

// identity says who asks. IAM is not asked: everyone may know who they are.
func (c *Cloud) identity(w http.ResponseWriter, r *http.Request) {
	var out identityResponse
	out.Result.Arn = c.Caller(accessKey(r))
	if parts := strings.Split(out.Result.Arn, ":"); len(parts) > 4 {
		out.Result.Account = parts[4]
	}
	w.Header().Set("Content-Type", "text/xml")
	_ = xml.NewEncoder(w).Encode(out) // the client has gone if this fails
}

func tagsOf(r *http.Request) map[string]string {
	out := map[string]string{}
	for i := 1; r.Form.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
		out[r.Form.Get(fmt.Sprintf("Tags.member.%d.Key", i))] = r.Form.Get(fmt.Sprintf("Tags.member.%d.Value", i))
	}
	return out
}

// seconds is how long a session lasts; STS gives an hour when nobody says.
func seconds(asked string) time.Duration {
	n, err := strconv.Atoi(asked)
	if err != nil {
		n = 3600
	}
	return time.Duration(n) * time.Second
}
