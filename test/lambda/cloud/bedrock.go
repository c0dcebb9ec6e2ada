package cloud

import (
	"net/http"
	"net/url"
	"strings"

	"remit/lambdas/model/standin"
)

// bedrock serves Bedrock's runtime by the stand-in of a model. Converse asks for the same
// permissions as InvokeModel (service authorization reference, Bedrock).
func (c *Cloud) bedrock(w http.ResponseWriter, r *http.Request) {
	segments := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	if len(segments) != 4 || segments[1] != "model" {
		fail(w, http.StatusNotFound, "UnknownOperationException", r.URL.EscapedPath())
		return
	}
	model, err := url.PathUnescape(segments[2])
	if err != nil {
		fail(w, http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	action := "bedrock:InvokeModel"
	if strings.HasSuffix(segments[3], "-stream") {
		action += "WithResponseStream"
	}
	c.note(r, action, "arn:aws:bedrock:us-east-1::foundation-model/"+model, nil)
	http.StripPrefix("/"+Bedrock, standin.Handler()).ServeHTTP(w, r)
}
