package picture

import (
	"strings"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// account is one member's records as they are seen now.
type account struct {
	member          *v1alpha1.Member // as last seen, nil if never
	unseen          bool             // the Member object itself is missing
	released        bool
	exports, slices map[Key]string // object names
	sums            map[string]sum // what these are, by namespace
	missing         map[string]Key // by object name
	held            map[Key]struct{}
	due             time.Time
	dirty           bool
}

// sum is what is seen of one namespace.
type sum struct {
	exports, slices int32
	digest          v1alpha1.RecordDigest
}

func newAccount() *account {
	return &account{
		exports: map[Key]string{}, slices: map[Key]string{}, sums: map[string]sum{},
		missing: map[string]Key{}, held: map[Key]struct{}{},
	}
}

// see notes a record as it is seen now; nil: it is not.
func (a *account) see(k Key, record Fact) {
	seen, n := a.exports, sum{exports: 1}
	if k.Kind == "EndpointRecord" {
		seen, n = a.slices, sum{slices: 1}
	}
	name, was := seen[k]
	if was && record != nil && objectName(record) == name {
		return
	}
	namespace, _, _ := strings.Cut(k.Path, "/")
	s := a.sums[namespace]
	if was {
		s = sum{s.exports - n.exports, s.slices - n.slices, s.digest.Flip(name)}
		delete(seen, k)
	}
	if record != nil {
		name = objectName(record)
		s = sum{s.exports + n.exports, s.slices + n.slices, s.digest.Flip(name)}
		seen[k] = name
	}
	if s.exports == 0 && s.slices == 0 {
		delete(a.sums, namespace)
		return
	}
	a.sums[namespace] = s
}

// seen accounts for what is seen, by namespace, where that matters: where something is missing.
func (a *account) seen() map[string]v1alpha1.Account {
	if len(a.missing) == 0 {
		return nil
	}
	out := make(map[string]v1alpha1.Account, len(a.sums))
	for namespace, s := range a.sums {
		out[namespace] = v1alpha1.Account{Exports: s.exports, Slices: s.slices, Digest: s.digest.String()}
	}
	for _, k := range a.missing {
		if namespace, _, _ := strings.Cut(k.Path, "/"); a.sums[namespace] == (sum{}) {
			out[namespace] = v1alpha1.Account{}
		}
	}
	return out
}

// recordCluster reads the cluster from the key of a record: the third word of its path.
func recordCluster(k Key) string {
	path := k.Path
	if k.Kind == "EndpointRecord" {
		path, _ = lastWord(path)
	}
	_, cluster := lastWord(path)
	return cluster
}

func objectName(f Fact) string {
	switch f := f.(type) {
	case *v1alpha1.ServiceRecord:
		return f.Name
	case *v1alpha1.EndpointRecord:
		return f.Name
	}
	panic("picture: not a record")
}
