package identity

import (
	"sync"
	"time"
)

// signatures remembers which tokens bore a good signature, by the SHA-256 of the token and
// the key that signed. It never remembers what a token said: everything but the signature
// is read again from the bytes at hand, so an entry can neither outlive a rule nor mix up
// two users. The digest is what is compared, so the time it takes tells nothing about a
// token that one does not hold. Only well signed tokens enter, and memory is bounded.
type signatures struct {
	mu    sync.Mutex
	good  map[[32]byte]signature
	order [][32]byte // a ring; the oldest makes room
	next  int
}

type signature struct {
	key  [32]byte // thumbprint: another key under the same kid must sign anew
	dies time.Time
	slot int
}

// signatureMemory bounds what a verifier remembers.
const (
	signatureMemory = 1 << 20
	signatureSize   = 256 // digest twice, entry, and what a Go map adds, rounded up; a test measures it
)

func newSignatures(memory int) *signatures {
	return &signatures{good: map[[32]byte]signature{}, order: make([][32]byte, memory/signatureSize)}
}

func (s *signatures) knows(token, key [32]byte, now time.Time) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.good[token]
	if ok && !now.Before(found.dies) {
		delete(s.good, token)
		return false
	}
	return ok && found.key == key
}

func (s *signatures) learn(token, key [32]byte, dies time.Time) {
	if s == nil || len(s.order) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if oldest, ok := s.good[s.order[s.next]]; ok && oldest.slot == s.next {
		delete(s.good, s.order[s.next])
	}
	s.good[token] = signature{key, dies, s.next}
	s.order[s.next] = token
	s.next = (s.next + 1) % len(s.order)
}
