package identity

import (
	"net/http"
	"strings"
)

// Bearer is the one Authorization header's token, "" without exactly
// one (RFC 6750).
func Bearer(r *http.Request) string {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}
