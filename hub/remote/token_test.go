package remote

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"
)

// fakeToken looks like a token of an API server.
func fakeToken(issued time.Time, life time.Duration) string {
	claims := fmt.Sprintf(`{"iat":%d,"exp":%d,"jti":"%d"}`, issued.Unix(), issued.Add(life).Unix(), time.Now().UnixNano())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestATokenIsRenewedAfterMostOfItsLife(t *testing.T) {
	issued := time.Unix(1800000000, 0)
	for _, c := range []struct {
		text string
		want time.Time
	}{
		{fakeToken(issued, 10*time.Hour), issued.Add(6 * time.Hour)},
		{"opaque", time.Time{}},
		{"a.%%%.b", time.Time{}},
		{"e30.e30.e30", time.Time{}},
		{"", time.Time{}},
	} {
		if got := parseToken(c.text).renewal(); !got.Equal(c.want) {
			t.Errorf("renewal of %q is %s, want %s", c.text, got, c.want)
		}
	}
}
