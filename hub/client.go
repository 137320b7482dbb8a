package hub

import (
	"context"
	"errors"
	"fmt"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// attempts is how often a write is begun anew after somebody else wrote in between.
const attempts = 5

// Client is one party's access to a hub: a member, which writes in its own namespace, or the fleet's operator. It is safe for
// concurrent use.
type Client struct {
	memory    *Memory
	namespace string // empty: the operator
	term      int64
}

// Member returns the access of one member's writer. Its term must be above that of every writer before it.
func (m *Memory) Member(cluster string, term int64) *Client {
	return &Client{memory: m, namespace: Namespace(cluster), term: term}
}

// Operator returns the access of the fleet's operator, who approves members, drains and retires them.
func (m *Memory) Operator() *Client { return &Client{memory: m} }

// Write makes the object on the hub be like obj: it creates or changes it, or leaves it alone where it is like that already. The
// namespace is set by the client from the object's own cluster. Of a Member, a member writes the status and the operator everything
// else, as with a status subresource.
//
// Errors: ErrDown, ErrFenced, ErrForbidden, ErrNotFound (the member was not approved), ErrConflict (somebody else keeps writing).
func (c *Client) Write(ctx context.Context, obj Object) error {
	return c.retry(ctx, func() error {
		next, err := c.prepare(obj)
		if err != nil {
			return err
		}
		return c.memory.put(next)
	})
}

// Delete removes the object from the hub. One that is not there is no error. Errors as for Write.
func (c *Client) Delete(ctx context.Context, obj Object) error {
	i := id{Namespace(obj.SourceCluster()), KindOf(obj), obj.GetName()}
	if err := c.allowed(i.namespace); err != nil {
		return err
	}
	err := c.retry(ctx, func() error {
		if err := c.current(obj.SourceCluster()); err != nil {
			return err
		}
		old, err := c.memory.get(i)
		if err != nil {
			return err
		}
		return c.memory.remove(i, old.GetResourceVersion())
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Watch calls tell with every object on the hub, then with Synced, then with every change, one at a time, until ctx ends or the watch
// breaks; it never returns nil. After ErrDown and ErrExpired watch again.
func (c *Client) Watch(ctx context.Context, tell func(Event)) error { return c.memory.watch(ctx, tell) }

func (c *Client) retry(ctx context.Context, try func() error) error {
	var err error
	for range attempts {
		if err = ctx.Err(); err != nil {
			return err
		}
		if err = try(); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return err
}

// prepare returns what is to be stored: obj on top of what is there, with the version that was read.
func (c *Client) prepare(obj Object) (Object, error) {
	next := obj.DeepCopyObject().(Object)
	next.SetNamespace(Namespace(obj.SourceCluster()))
	if err := c.allowed(next.GetNamespace()); err != nil {
		return nil, err
	}
	if err := c.current(obj.SourceCluster()); err != nil {
		return nil, err
	}
	old, err := c.memory.get(idOf(next))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	next.SetResourceVersion("")
	if old != nil {
		next.SetResourceVersion(old.GetResourceVersion())
	}
	if member, ok := next.(*v1alpha1.Member); ok {
		return c.halve(member, old)
	}
	Stamp(next, c.term)
	return next, nil
}

// halve keeps each writer of a Member to the writer's own half: spec and metadata for the operator, status for the member.
func (c *Client) halve(next *v1alpha1.Member, old Object) (Object, error) {
	switch was, _ := old.(*v1alpha1.Member); {
	case c.namespace == "" && was != nil:
		next.Status = was.Status
	case c.namespace == "":
		next.Status = v1alpha1.MemberStatus{}
	default:
		was.Status = next.Status
		was.Status.Marker.Term = c.term
		return was, nil
	}
	return next, nil
}

func (c *Client) allowed(namespace string) error {
	if c.namespace != "" && c.namespace != namespace {
		return fmt.Errorf("write in %s as %s: %w", namespace, c.namespace, ErrForbidden)
	}
	return nil
}

// current refuses a writer whose term is older than the one that wrote the member's marker, and a member that was not approved. The
// operator has no term.
func (c *Client) current(cluster string) error {
	if c.namespace == "" {
		return nil
	}
	obj, err := c.memory.get(id{Namespace(cluster), "Member", cluster})
	if err != nil {
		return fmt.Errorf("member %s is not approved: %w", cluster, err)
	}
	if term := obj.(*v1alpha1.Member).Status.Marker.Term; term > c.term {
		return fmt.Errorf("member %s is written in term %d, this is term %d: %w", cluster, term, c.term, ErrFenced)
	}
	return nil
}
