package dns

import (
	"iter"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"fairlead.dev/fairlead/fleet"
)

// Table is a Source: services by namespace and name. It never changes; With returns another one that shares what is equal, at a
// cost that follows the number of changes and not that of the services.
type Table struct {
	services *iradix.Tree[*Service]
}

// NewTable returns a table of some services, or of none.
func NewTable(services ...*Service) *Table {
	t := &Table{services: iradix.New[*Service]()}
	return t.With(services, nil)
}

// With returns the table with some services added or exchanged, and others gone.
func (t *Table) With(services []*Service, gone []fleet.Name) *Table {
	txn := t.services.Txn()
	for _, n := range gone {
		txn.Delete(tableKey(n.Namespace, n.Name))
	}
	for _, s := range services {
		txn.Insert(tableKey(s.Name.Namespace, s.Name.Name), s)
	}
	return &Table{services: txn.Commit()}
}

// Len returns how many services there are.
func (t *Table) Len() int { return t.services.Len() }

// Service implements Source.
func (t *Table) Service(n fleet.Name) *Service {
	s, _ := t.services.Get(tableKey(n.Namespace, n.Name))
	return s
}

// ServicesIn implements Source.
func (t *Table) ServicesIn(namespace string) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		it := t.services.Root().Iterator()
		it.SeekPrefix(tableKey(namespace, ""))
		for _, s, ok := it.Next(); ok; _, s, ok = it.Next() {
			if !yield(s) {
				return
			}
		}
	}
}

// tableKey parts namespace and name by a slash. Neither has one in any service, so that a question with one finds nothing.
func tableKey(namespace, name string) []byte {
	key := make([]byte, 0, len(namespace)+1+len(name))
	key = append(key, namespace...)
	key = append(key, '/')
	return append(key, name...)
}
