// Package session is how verified users are named to STS, whose names and tags hold fewer
// characters than identities do. It knows no AWS service. Start with [Tag].
package session

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Name is a session's name or source identity: 2 to 64 of letters, digits and _+=,.@-
// (AssumeRole API). Who does not fit is named by a digest, which can be found again.
func Name(who string) string {
	if len(who) >= 2 && len(who) <= 64 && only(who, "_+=,.@-") {
		return who
	}
	return digest(who)
}

// Tag is the value of a session tag: up to 256 of letters, digits and _.:/=+-@ (STS, Tag; its
// spaces are left out, for one at an end would be another value). What does not fit is its
// digest. No value is another's: what looks like a digest is digested too.
func Tag(value string) string {
	if value != "" && len(value) <= 256 && only(value, "_.:/=+-@") && !strings.HasPrefix(value, prefix) {
		return value
	}
	return digest(value)
}

const prefix = "sha256-"

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return prefix + hex.EncodeToString(sum[:24])
}

func only(text, more string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(more, r))
	})
}
