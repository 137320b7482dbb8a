package match

import (
	"iter"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// maxHostname bounds the host names that can match anything, in bytes (RFC 1035 2.3.4).
const maxHostname = 255

// Hosts is an immutable set of virtual hosts, found by host name. The zero Hosts is empty. With and Without return a new set that
// shares all else with the old one: their cost depends on the length of the names, not on how many hosts there are.
type Hosts struct {
	// domains holds exact names as they are, "*.suffix" as ".suffix", and "*" as the empty key.
	domains *iradix.Tree[*Host]
	names   *iradix.Tree[*Host]
}

// With returns the set with a host added, in the place of the one of the same name. A domain that two hosts claim belongs to the
// one that came last.
func (s *Hosts) With(h *Host) *Hosts {
	names, domains := s.txn()
	if old, _ := names.Insert([]byte(h.Name), h); old != nil {
		forget(domains, old)
	}
	for _, d := range h.Domains {
		domains.Insert(domainKey(d), h)
	}
	return &Hosts{names: names.Commit(), domains: domains.Commit()}
}

// Without returns the set without the host of that name.
func (s *Hosts) Without(name string) *Hosts {
	names, domains := s.txn()
	if old, ok := names.Delete([]byte(name)); ok {
		forget(domains, old)
	}
	return &Hosts{names: names.Commit(), domains: domains.Commit()}
}

func forget(domains *iradix.Txn[*Host], h *Host) {
	for _, d := range h.Domains {
		if owner, _ := domains.Get(domainKey(d)); owner == h {
			domains.Delete(domainKey(d))
		}
	}
}

func (s *Hosts) txn() (names, domains *iradix.Txn[*Host]) {
	if s == nil || s.names == nil {
		return iradix.New[*Host]().Txn(), iradix.New[*Host]().Txn()
	}
	return s.names.Txn(), s.domains.Txn()
}

func domainKey(d string) []byte {
	if d != "" && d[0] == '*' {
		return []byte(d[1:])
	}
	return []byte(d)
}

// Len is the number of hosts.
func (s *Hosts) Len() int {
	if s == nil || s.names == nil {
		return 0
	}
	return s.names.Len()
}

// Get returns the host of that name, or nil.
func (s *Hosts) Get(name string) *Host {
	if s == nil || s.names == nil {
		return nil
	}
	h, _ := s.names.Get([]byte(name))
	return h
}

// All yields the hosts in the order of their names.
func (s *Hosts) All() iter.Seq[*Host] {
	return func(yield func(*Host) bool) {
		if s == nil || s.names == nil {
			return
		}
		it := s.names.Root().Iterator()
		for _, h, ok := it.Next(); ok && yield(h); _, h, ok = it.Next() {
		}
	}
}

// Find returns the virtual host for an authority, or nil: the one with exactly this name, else with the longest suffix wildcard, else
// "*". Ports and case do not matter, and one dot at the end is ignored. A suffix wildcard covers any number of labels, at least one.
func (s *Hosts) Find(authority string) *Host {
	if s == nil || s.domains == nil {
		return nil
	}
	var buf [maxHostname]byte
	name := buf[:0]
	if h := Hostname(authority); len(h) <= maxHostname {
		name = appendLower(name, h)
	}
	if n := len(name); n > 0 && name[n-1] == '.' {
		name = name[:n-1]
	}
	root := s.domains.Root()
	if len(name) > 0 && name[0] != '.' {
		if h, ok := root.Get(name); ok {
			return h
		}
		for i, c := range name {
			if c == '.' {
				if h, ok := root.Get(name[i:]); ok {
					return h
				}
			}
		}
	}
	h, _ := root.Get(nil)
	return h
}

func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}
