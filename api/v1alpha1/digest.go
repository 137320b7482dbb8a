package v1alpha1

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// RecordDigest is a digest of a set of records. The zero value is that of none; a record is put in, and taken out again, by Flip. So it
// is kept up as records come and go, and does not depend on their order.
type RecordDigest uint64

// Flip returns the digest with the record of this object name in, if it was out, or out, if it was in.
func (d RecordDigest) Flip(name string) RecordDigest {
	sum := sha256.Sum256([]byte(name))
	return d ^ RecordDigest(binary.BigEndian.Uint64(sum[:]))
}

// String returns what stands in an Account: hexadecimal, and nothing for no record at all.
func (d RecordDigest) String() string {
	if d == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(d), 16)
}
