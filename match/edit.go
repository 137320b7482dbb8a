package match

import (
	"errors"
	"fmt"
	"net/textproto"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// Edit changes header fields: first it removes, then it adds in order, as Envoy does.
type Edit struct {
	remove []string
	add    []addition
}

type addition struct {
	name, value string
	action      corev3.HeaderValueOption_HeaderAppendAction
}

// Empty says that the edit changes nothing.
func (e *Edit) Empty() bool { return len(e.remove) == 0 && len(e.add) == 0 }

// Apply makes the changes.
func (e *Edit) Apply(f Fields) {
	for _, name := range e.remove {
		f.Del(name)
	}
	for _, a := range e.add {
		there := len(f.Values(a.name)) > 0
		switch a.action {
		case corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD:
			f.Add(a.name, a.value)
		case corev3.HeaderValueOption_ADD_IF_ABSENT:
			if !there {
				f.Set(a.name, a.value)
			}
		case corev3.HeaderValueOption_OVERWRITE_IF_EXISTS:
			if there {
				f.Set(a.name, a.value)
			}
		default:
			f.Set(a.name, a.value)
		}
	}
}

// Strings lists the changes, one each: "remove x-a", "set x-b: 1", "add x-c: 2".
func (e *Edit) Strings() []string {
	var out []string
	for _, name := range e.remove {
		out = append(out, "remove "+strings.ToLower(name))
	}
	for _, a := range e.add {
		verb := "set "
		switch a.action {
		case corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD:
			verb = "add "
		case corev3.HeaderValueOption_ADD_IF_ABSENT:
			verb = "set if absent "
		case corev3.HeaderValueOption_OVERWRITE_IF_EXISTS:
			verb = "set if there "
		}
		out = append(out, verb+strings.ToLower(a.name)+": "+a.value)
	}
	return out
}

// framing names the fields that tell where a message ends; no edit may touch them.
var framing = map[string]bool{"Content-Length": true, "Transfer-Encoding": true, "Connection": true, "Upgrade": true, "Trailer": true, "Te": true}

func compileEdit(add []*corev3.HeaderValueOption, remove []string) (Edit, error) {
	var e Edit
	for _, name := range remove {
		canonical, err := editable(name)
		if err != nil {
			return e, err
		}
		e.remove = append(e.remove, canonical)
	}
	for _, o := range add {
		name, err := editable(o.GetHeader().GetKey())
		if err != nil {
			return e, err
		}
		value, err := literal(headerValue(o.GetHeader()))
		if err != nil {
			return e, fmt.Errorf("header %s: %w", name, err)
		}
		action := o.GetAppendAction()
		//lint:ignore SA1019 an older word that must not be read as the opposite of what it says
		if o.GetAppend() != nil {
			return e, fmt.Errorf("header %s: append is not supported, use append_action", name)
		}
		e.add = append(e.add, addition{name: name, value: value, action: action})
	}
	return e, nil
}

func headerValue(h *corev3.HeaderValue) string {
	if len(h.GetRawValue()) > 0 {
		return string(h.GetRawValue())
	}
	return h.GetValue()
}

func editable(name string) (string, error) {
	if !isToken(name) {
		return "", fmt.Errorf("%q is not a header name", name)
	}
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	if framing[canonical] {
		return "", fmt.Errorf("header %s tells how the message is framed and cannot be edited", name)
	}
	return canonical, nil
}

// literal resolves Envoy's format strings: "%%" is a percent sign. Its commands (%REQ(…)% and the like) are not known here.
func literal(value string) (string, error) {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return "", errors.New("the value holds a control character")
		}
	}
	if strings.Contains(strings.ReplaceAll(value, "%%", ""), "%") {
		return "", errors.New("the value holds a % that is not doubled; substitutions are not supported")
	}
	return strings.ReplaceAll(value, "%%", "%"), nil
}

// isToken says whether s is a token of RFC 9110 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}
