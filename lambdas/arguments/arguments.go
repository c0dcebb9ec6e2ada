// Package arguments is what the arguments of a call amount to: their digest, and the key under
// which a call has its effect at most once. Whoever reserves a call and whoever hears that its
// item is closed form the same key here. It knows JSON and no tool. Start with [Key].
package arguments

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// Sum is the SHA-256 of arguments in canonical JSON (RFC 8785).
func Sum(arguments map[string]any) [32]byte {
	text, err := json.Marshal(arguments)
	canonical := jsontext.Value(text)
	if err != nil || canonical.Canonicalize() != nil {
		return [32]byte{} // they were decoded from JSON, so they encode
	}
	return sha256.Sum256(canonical)
}

// Key is tool, tenant and the named arguments. IAM tells keys apart by the tool.
func Key(tool, tenant string, names []string, arguments map[string]any) string {
	parts := map[string]any{}
	for _, name := range names {
		parts[name] = arguments[name]
	}
	sum := Sum(parts)
	return tool + "/" + tenant + "/" + hex.EncodeToString(sum[:])
}
