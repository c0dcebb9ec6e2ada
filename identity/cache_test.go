package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"testing"
	"time"
)

func numbered(n int) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func TestRememberedSignaturesTakeNoMoreMemoryThanTheyMay(t *testing.T) {
	const memory = 1 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := newSignatures(memory)
	for n := range 50_000 {
		s.learn(numbered(n), noon.Add(time.Hour))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > memory {
		t.Errorf("%d bytes for %d entries, of %d allowed", used, len(s.good), memory)
	}
	if len(s.good) != memory/signatureSize {
		t.Errorf("%d entries, want %d", len(s.good), memory/signatureSize)
	}
	for n, want := range map[int]bool{49_999: true, 50_000 - memory/signatureSize: true, 50_000 - memory/signatureSize - 1: false, 0: false} {
		if got := s.knows(numbered(n), noon); got != want {
			t.Errorf("entry %d: got %v, want %v", n, got, want)
		}
	}
	runtime.KeepAlive(s)
}

func TestARememberedSignatureDiesWithItsTokenAndItsKey(t *testing.T) {
	s := newSignatures(4 * signatureSize)
	one, two := &key{thumb: numbered(1)}, &key{thumb: numbered(2)}
	s.learn(signedUnder(one, "a"), noon)
	for _, row := range []struct {
		name string
		what [32]byte
		now  time.Time
		want bool
	}{
		{"alive", signedUnder(one, "a"), noon.Add(-1), true},
		{"another key", signedUnder(two, "a"), noon.Add(-1), false},
		{"another token", signedUnder(one, "b"), noon.Add(-1), false},
		{"at exp", signedUnder(one, "a"), noon, false},
		{"gone, not hidden", signedUnder(one, "a"), noon.Add(-1), false},
	} {
		if got := s.knows(row.what, row.now); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
	// A token learned again moves to the end of the ring; its old place frees nothing.
	again := newSignatures(2 * signatureSize)
	again.learn(numbered(1), noon)
	again.learn(numbered(1), noon)
	again.learn(numbered(2), noon)
	if !again.knows(numbered(1), noon.Add(-1)) || !again.knows(numbered(2), noon.Add(-1)) || len(again.good) != 2 {
		t.Errorf("an old place took a new entry with it: %v", again.good)
	}
}

func TestARememberedTokenIsStillHeldAgainstEveryRule(t *testing.T) {
	d := newDelegated(t)
	raw, audience := d.minted(t)
	if _, err := d.verifier.Verify(ctx, raw, audience, noon); err != nil {
		t.Fatal(reason(t, err))
	}
	if !d.verifier.signatures.knows(signedUnder(&key{thumb: thumbprint(d.signer.Public().jwk)}, raw), noon) {
		t.Fatal("the signature is not remembered")
	}
	for range 3 {
		if _, err := d.verifier.Verify(ctx, raw, audience, noon); err != nil || d.verifier.signatures.next != 1 {
			t.Fatalf("one token takes %d places from others, %v", d.verifier.signatures.next, err)
		}
	}
	if _, err := d.verifier.Verify(ctx, raw, canary.String(), noon); reason(t, err) != WrongAudience {
		t.Errorf("got %s", reason(t, err))
	}
	if _, err := d.verifier.Verify(ctx, raw, audience, noon.Add(13*time.Minute)); reason(t, err) != Expired {
		t.Errorf("got %s", reason(t, err))
	}
	bad := craft(t, newSigner(t, ES256), headerOf(d.signer, "at+jwt"), delegationClaimsNow())
	for range 2 {
		if _, err := d.verifier.Verify(ctx, bad, audience, noon); reason(t, err) != BadSignature {
			t.Errorf("a refusal is remembered as a success: %s", reason(t, err))
		}
	}
}
