package identity

import (
	"crypto/sha256"
	"sync"
	"time"
)

// signatures remembers which tokens bore a good signature, by one SHA-256 over the token
// and the key that signed it. It never remembers what a token said: everything but the
// signature is read again from the bytes at hand, so an entry can neither outlive a rule
// nor mix up two users. The digest is what is compared, so the time it takes tells nothing
// about a token that one does not hold. Only well signed tokens enter, and memory is
// bounded.
type signatures struct {
	mu    sync.Mutex
	good  map[[32]byte]life
	order [][32]byte // a ring; the oldest makes room
	next  int32
}

type life struct {
	ends int64 // the token's exp, in Unix seconds
	slot int32
}

// signatureMemory bounds what a verifier remembers.
const (
	signatureMemory = 1 << 20
	signatureSize   = 320 // bytes for digest, life, and what a Go map adds; a test measures it
)

func newSignatures(memory int) *signatures {
	return &signatures{good: map[[32]byte]life{}, order: make([][32]byte, memory/signatureSize)}
}

// signedUnder names a token and its key at once: another key must sign anew, under
// whatever kid.
func signedUnder(k *key, raw string) [32]byte {
	return sha256.Sum256(append(k.thumb[:], raw...))
}

func (s *signatures) knows(name [32]byte, now time.Time) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.good[name]
	if ok && now.Unix() >= found.ends {
		delete(s.good, name)
		return false
	}
	return ok
}

func (s *signatures) learn(name [32]byte, ends time.Time) {
	if s == nil || len(s.order) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if oldest, ok := s.good[s.order[s.next]]; ok && oldest.slot == s.next {
		delete(s.good, s.order[s.next])
	}
	s.good[name] = life{ends.Unix(), s.next}
	s.order[s.next] = name
	s.next = (s.next + 1) % int32(len(s.order)) //nolint:gosec // G115: a few thousand slots
}
