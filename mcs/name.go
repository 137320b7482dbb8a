package mcs

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// objectName returns a name for an object that stands for words: a DNS label, the same for equal words and, for all practical
// purposes, another one for any others. It begins with the words as far as they fit, for people, and ends in 60 bits of a hash, for
// certainty: joined words alone would be ambiguous, as namespaces, services and slices may all contain dashes.
func objectName(words ...string) string {
	hash := hashOf(words...)
	prefix := strings.Map(labelRune, strings.ToLower(strings.Join(words, "-")))
	prefix = strings.Trim(prefix[:min(len(prefix), 63-1-len(hash))], "-")
	if prefix == "" {
		return hash
	}
	return prefix + "-" + hash
}

// hashOf returns 60 bits of a hash over words, as 12 characters that a name may have.
func hashOf(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:]))[:12]
}

func labelRune(r rune) rune {
	if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
		return r
	}
	return '-'
}
