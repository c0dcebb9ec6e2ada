package entry

import (
	"remit/identity"
	"remit/lambdas/entry/calls"
)

// Publish is every document that the front door shows to anyone: discovery and keys of the
// delegation tokens, which AgentCore's CUSTOM_JWT reads, and of call assertions, which
// [remit/lambdas/authorizer] reads.
func Publish(issuer string, delegation, call identity.PublicKey) (map[string][]byte, error) {
	out := map[string][]byte{}
	for path, key := range map[string]identity.PublicKey{"": delegation, calls.Path: call} {
		if key.ID == "" {
			continue
		}
		keys, err := identity.JWKS(key)
		if err != nil {
			return nil, err
		}
		discovery, err := identity.Discovery(issuer+path, issuer+path+"/jwks.json", key.Algorithm)
		if err != nil {
			return nil, err
		}
		out[path+"/jwks.json"], out[path+"/.well-known/openid-configuration"] = keys, discovery
	}
	return out, nil
}
