package serve

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"fairlead.dev/fairlead/xds"
)

// session is one stream of one client, whichever protocol it speaks.
type session struct {
	server    *Server
	rendering xds.Rendering
	node      *corev3.Node
	protocol  string
	since     time.Time
	out       sender

	subscriptions map[string]*subscription
	// order is the types in the order of additions: xds.Types, then any others that the client asked for.
	order  []string
	nonces uint64

	// wake has a token when pending is not empty.
	wake chan struct{}

	mu      sync.Mutex
	pending map[xds.Changed]bool
	reports map[string]*Report
	// through is the newest update of which everything has been sent, if any has.
	through uint64
	sentAll bool
}

// sender writes what is due in the words of one protocol. Both are called with the subscription's known already brought up to date.
type sender interface {
	// put tells of resources, and of asked names that do not exist.
	put(s *subscription, version string, resources []*xds.Resource, absent []string) error
	// drop tells of resources that are gone.
	drop(s *subscription, version string, names []string) error
}

func newSession(server *Server, node *corev3.Node, protocol string) *session {
	return &session{
		server:        server,
		rendering:     RenderingFor(node, protocol == Delta),
		node:          node,
		protocol:      protocol,
		since:         time.Now(),
		subscriptions: map[string]*subscription{},
		order:         slices.Clone(xds.Types[:]),
		wake:          make(chan struct{}, 1),
		pending:       map[xds.Changed]bool{},
		reports:       map[string]*Report{},
	}
}

// notify notes what changed; the stream looks at it when it gets there. It wakes for nothing too, to know that it is current.
func (s *session) notify(changed []xds.Changed) {
	s.mu.Lock()
	for _, c := range changed {
		s.pending[c] = true
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// absorb moves what changed to the subscriptions that follow it.
func (s *session) absorb() {
	s.mu.Lock()
	pending := s.pending
	s.pending = map[xds.Changed]bool{}
	s.mu.Unlock()
	for c := range pending {
		if sub := s.subscriptions[c.TypeURL]; sub != nil && sub.wants(c.Name) {
			sub.dirty[c.Name] = true
		}
	}
}

// subscription returns that of a type and whether it is new.
func (s *session) subscription(typeURL string) (*subscription, bool) {
	if sub := s.subscriptions[typeURL]; sub != nil {
		return sub, false
	}
	sub := newSubscription(typeURL)
	s.subscriptions[typeURL] = sub
	if !slices.Contains(s.order, typeURL) {
		s.order = append(s.order, typeURL)
	}
	return sub, true
}

// flush sends all that may be sent now. Additions go in order; once a type has changes that must wait for an ACK, so have the
// changes of all later types, for they may point at the former. What a client asks for is exempt: it may need just that to go on.
// Removals come after all additions, in the reverse order.
func (s *session) flush() error {
	s.absorb()
	set, count := s.server.current()
	version := strconv.FormatUint(count, 10)
	held, err := s.add(set, version)
	if err == nil && !held {
		err = s.remove(set, version)
	}
	s.noteFlush(count)
	return err
}

// add sends additions, and says whether some are held back.
func (s *session) add(set *xds.Set, version string) (hold bool, err error) {
	for _, typeURL := range s.order {
		sub := s.subscriptions[typeURL]
		if sub == nil {
			continue
		}
		if sub.blocked() {
			hold = hold || len(sub.dirty) > 0
			continue
		}
		resources, absent := sub.due(hold, s.getter(set, typeURL))
		if len(resources) == 0 && len(absent) == 0 && !sub.owed {
			continue
		}
		sub.owed = false
		if err := s.out.put(sub, version, resources, absent); err != nil {
			return hold, err
		}
		if typeURL == xds.ClusterType {
			s.warm(resources)
		}
	}
	return hold, nil
}

// warm tells an Envoy the endpoints of changed clusters again: it waits for them before it uses a cluster's new version.
func (s *session) warm(clusters []*xds.Resource) {
	endpoints := s.subscriptions[xds.EndpointsType]
	if endpoints == nil || s.node.GetUserAgentName() != "envoy" {
		return
	}
	for _, c := range clusters {
		if endpoints.known[c.Name] != nil {
			endpoints.unlearn(c.Name)
			endpoints.asked[c.Name] = true
		}
	}
}

func (s *session) remove(set *xds.Set, version string) error {
	for _, typeURL := range slices.Backward(s.order) {
		sub := s.subscriptions[typeURL]
		if sub == nil || len(sub.gone) == 0 {
			continue
		}
		if sub.blocked() {
			return nil
		}
		names := sub.withdrawn(s.getter(set, typeURL))
		if len(names) == 0 {
			continue
		}
		if err := s.out.drop(sub, version, names); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) getter(set *xds.Set, typeURL string) func(string) *xds.Resource {
	return func(name string) *xds.Resource { return s.server.get(s.rendering, set, typeURL, name) }
}

// sent numbers a response and notes that it awaits its answer.
func (s *session) sent(sub *subscription, names []string) (nonce string) {
	s.nonces++
	nonce = strconv.FormatUint(s.nonces, 10)
	sub.awaiting = append(sub.awaiting, response{nonce: nonce, names: names})
	s.noteSent(sub)
	return nonce
}

// run serves a stream until it ends: requests as they come, changes as they happen.
func run[R any](s *session, stream interface {
	Recv() (R, error)
}, done <-chan struct{}, first R, handle func(R)) error {
	s.server.enter(s)
	defer s.server.leave(s)
	requests, failed := make(chan R), make(chan error, 1)
	go func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				failed <- err
				return
			}
			select {
			case requests <- r:
			case <-done:
				return
			}
		}
	}()
	handle(first)
	for {
		if err := s.flush(); err != nil {
			return err
		}
		select {
		case r := <-requests:
			handle(r)
		case <-s.wake:
		case err := <-failed:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case <-done:
			return nil
		}
	}
}
