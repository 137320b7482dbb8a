package xds

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"fairlead.dev/fairlead/route"
)

// headerEdit is an edit as Envoy has it. The Host header is not edited as a header: see hostEdit.
func headerEdit(e route.HeaderEdit) (add []*corev3.HeaderValueOption, remove []string) {
	for _, h := range e.Set {
		if h.Name != "host" {
			add = append(add, header(h, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD))
		}
	}
	for _, h := range e.Add {
		if h.Name != "host" {
			add = append(add, header(h, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD))
		}
	}
	for _, name := range e.Remove {
		if name != "host" {
			remove = append(remove, name)
		}
	}
	return add, remove
}

// header keeps an empty value, which Envoy would otherwise drop. A per cent sign is doubled: Envoy would read a command in it.
func header(h route.Header, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:         &corev3.HeaderValue{Key: h.Name, Value: escapeFormat(h.Value)},
		AppendAction:   action,
		KeepEmptyValue: true,
	}
}

// hostEdit is the value to which an edit sets the Host header; empty where it leaves it alone.
func hostEdit(e route.HeaderEdit) string {
	for _, h := range e.Set {
		if h.Name == "host" {
			return h.Value
		}
	}
	return ""
}

// rewrittenHost is the Host with which a rule's requests go to their backend; a URLRewrite counts more than a header edit.
func rewrittenHost(r *route.Rule) string {
	if r.Rewrite != nil && r.Rewrite.Hostname != "" {
		return r.Rewrite.Hostname
	}
	return hostEdit(r.RequestHeaders)
}

// escapeFormat makes text mean itself where Envoy reads its substitution format.
func escapeFormat(s string) string { return strings.ReplaceAll(s, "%", "%%") }
