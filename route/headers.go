package route

import (
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// framing are the headers that belong to one connection or frame a message: a route that changed them could smuggle requests.
var framing = []string{
	"connection", "content-length", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}

// compileHeaders compiles a RequestHeaderModifier or ResponseHeaderModifier. At most one action for each name is allowed.
func compileHeaders(f *gatewayv1.HTTPHeaderFilter) (HeaderEdit, problems) {
	var edit HeaderEdit
	seen := make(map[string]bool, len(f.Set)+len(f.Add)+len(f.Remove))
	var ps, bad problems
	edit.Set, bad = compileHeaderList("set", f.Set, seen)
	ps = append(ps, bad...)
	edit.Add, bad = compileHeaderList("add", f.Add, seen)
	ps = append(ps, bad...)
	ps = append(ps, bounded("remove", len(f.Remove), 16)...)
	for i, name := range f.Remove {
		lower := strings.ToLower(name)
		ps = append(ps, checkEditedName(lower, seen).at("remove", i)...)
		edit.Remove = append(edit.Remove, lower)
	}
	return edit, ps
}

func compileHeaderList(list string, headers []gatewayv1.HTTPHeader, seen map[string]bool) ([]Header, problems) {
	ps := bounded(list, len(headers), 16)
	var out []Header
	for i, h := range headers {
		name := strings.ToLower(string(h.Name))
		bad := append(checkEditedName(name, seen).under("name"), checkEditedValue(h.Value)...)
		ps = append(ps, bad.at(list, i)...)
		out = append(out, Header{Name: name, Value: h.Value})
	}
	return out, ps
}

func checkEditedName(name string, seen map[string]bool) problems {
	if ps := checkToken("", name); len(ps) > 0 {
		return ps
	}
	twice := seen[name]
	seen[name] = true
	switch {
	case twice:
		return unsupported("", "names %s a second time; write one action for each header", name)
	case name == "host":
		return unsupported("", "is host, which is not edited like this; use urlRewrite.hostname")
	case slices.Contains(framing, name):
		return unsupported("", "is %s, which belongs to the connection; leave it out", name)
	}
	return nil
}

func checkEditedValue(value string) problems {
	switch {
	case value == "":
		return unsupported("value", "is empty; write a value, or remove the header")
	case len(value) > 4096:
		return unsupported("value", "has %d characters, and 4096 are allowed; shorten it", len(value))
	case !isFieldValue(value):
		return unsupported("value", "has control characters; leave them out")
	}
	return nil
}
