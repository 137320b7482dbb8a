package remote

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// token is a bearer token with its life.
type token struct {
	text            string
	issued, expires time.Time
}

// parseToken reads when a token was issued and when it expires, if it is a JWT. It checks nothing: that is for the hub.
func parseToken(text string) token {
	t := token{text: text}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return t
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		IssuedAt int64 `json:"iat"`
		Expires  int64 `json:"exp"`
	}
	if err == nil && json.Unmarshal(payload, &claims) == nil && claims.IssuedAt > 0 && claims.Expires > claims.IssuedAt {
		t.issued, t.expires = time.Unix(claims.IssuedAt, 0), time.Unix(claims.Expires, 0)
	}
	return t
}

// renewal is when another token is to be asked for. One whose life is not known is replaced at once.
func (t token) renewal() time.Time {
	return t.issued.Add(time.Duration(tokenShare * float64(t.expires.Sub(t.issued))))
}
