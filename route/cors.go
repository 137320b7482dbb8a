package route

import (
	"regexp"
	"slices"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// defaultMaxAge is how long browsers may keep a preflight's answer where the route says nothing, in seconds.
const defaultMaxAge = 5

// originForm is the form of a CORSOrigin.
var originForm = regexp.MustCompile(`^(\*|https?://((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:[0-9]{1,5})?)$`)

func compileCORS(f *gatewayv1.HTTPCORSFilter) (*CORS, problems) {
	c := &CORS{
		AllowOrigins:     texts(f.AllowOrigins),
		AllowMethods:     texts(f.AllowMethods),
		AllowHeaders:     texts(f.AllowHeaders),
		ExposeHeaders:    texts(f.ExposeHeaders),
		AllowCredentials: deref(f.AllowCredentials, false),
		MaxAge:           time.Duration(f.MaxAge) * time.Second,
	}
	var ps problems
	switch {
	case f.MaxAge == 0:
		c.MaxAge = defaultMaxAge * time.Second
	case f.MaxAge < 0:
		ps = append(ps, unsupported("maxAge", "is %d; write a number of seconds from 1", f.MaxAge)...)
	}
	ps = append(ps, checkCORSList("allowOrigins", c.AllowOrigins, 64, checkOrigin)...)
	ps = append(ps, checkCORSList("allowMethods", c.AllowMethods, len(methods), checkCORSMethod)...)
	ps = append(ps, checkCORSList("allowHeaders", c.AllowHeaders, 64, checkCORSHeader)...)
	ps = append(ps, checkCORSList("exposeHeaders", c.ExposeHeaders, 64, checkCORSHeader)...)
	for _, l := range []struct {
		field string
		list  []string
	}{{"allowOrigins", c.AllowOrigins}, {"allowMethods", c.AllowMethods}, {"allowHeaders", c.AllowHeaders}} {
		if len(l.list) > 1 && slices.Contains(l.list, "*") {
			ps = append(ps, unsupported(l.field, `has "*" beside others; write "*" alone, or leave it out`)...)
		}
	}
	return c, ps
}

func texts[S ~string](list []S) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

func checkCORSList(field string, list []string, most int, check func(string) problems) problems {
	ps := bounded(field, len(list), most)
	for i, s := range list {
		ps = append(ps, check(s).at(field, i)...)
	}
	if i, twice := duplicate(list, func(s string) string { return s }); twice {
		ps = append(ps, unsupported("", "is %s a second time; remove it", list[i]).at(field, i)...)
	}
	return ps
}

func checkOrigin(s string) problems {
	if len(s) <= 253 && originForm.MatchString(s) {
		return nil
	}
	return unsupported("", `is %q; write "*", or http or https, a host and perhaps a port, as in "https://*.example.com:8443"`, s)
}

func checkCORSMethod(s string) problems {
	if s == "*" || slices.Contains(methods, s) {
		return nil
	}
	return unsupported("", `is %q; write "*" or one of %s`, s, strings.Join(methods, ", "))
}

func checkCORSHeader(s string) problems { return checkToken("", s) }
