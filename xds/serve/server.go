package serve

import (
	"strings"
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"

	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/xds"
)

// Server serves one Store. Its methods may be called from any goroutine.
type Server struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	mu       sync.Mutex
	store    *xds.Store
	set      *xds.Set
	sessions map[*session]struct{}
	// derived holds what clients asked for in renderings that are made from the Set; entries go when their source changes.
	derived map[derivation]*xds.Resource
	count   uint64
}

type derivation struct {
	rendering xds.Rendering
	resource  xds.Changed
}

// New returns a Server of a Store, which belongs to it from now on.
func New(store *xds.Store) *Server {
	return &Server{
		store:    store,
		set:      store.Set(),
		sessions: map[*session]struct{}{},
		derived:  map[derivation]*xds.Resource{},
	}
}

// Register makes a gRPC server answer the aggregated discovery service.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(r, s)
}

// Update takes over what changed in a picture and wakes the streams that it concerns. It never waits for a client.
func (s *Server) Update(pic xds.Source, changed []picture.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resources := s.store.Apply(pic, changed)
	if len(resources) == 0 {
		return
	}
	s.set = s.store.Set()
	s.count++
	byRendering := map[xds.Rendering][]xds.Changed{xds.Plain: resources}
	for _, r := range []xds.Rendering{xds.Whole, xds.GRPC} {
		for _, c := range resources {
			r.Affected(c, func(c xds.Changed) {
				delete(s.derived, derivation{r, c})
				byRendering[r] = append(byRendering[r], c)
			})
		}
	}
	for stream := range s.sessions {
		stream.notify(byRendering[stream.rendering])
	}
}

// Set returns what is served now.
func (s *Server) Set() *xds.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set
}

// Rejections lists what the store refused to publish.
func (s *Server) Rejections() []picture.Rejection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.Rejections()
}

// get returns a resource of a Set as a rendering has it. What had to be made is kept while the Set is the newest one.
func (s *Server) get(r xds.Rendering, set *xds.Set, typeURL, name string) *xds.Resource {
	if r == xds.Plain {
		return r.Get(set, typeURL, name)
	}
	key := derivation{r, xds.Changed{TypeURL: typeURL, Name: name}}
	s.mu.Lock()
	kept := s.derived[key]
	newest := s.set == set
	s.mu.Unlock()
	if kept != nil && newest {
		return kept
	}
	made := r.Get(set, typeURL, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if made != nil && s.set == set {
		s.derived[key] = made
	}
	return made
}

func (s *Server) enter(stream *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[stream] = struct{}{}
}

func (s *Server) leave(stream *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, stream)
}

// current returns the newest Set and the number of updates that made it.
func (s *Server) current() (*xds.Set, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set, s.count
}

// RenderingFor chooses a client's rendering by what it says of itself: gRPC clients by their user agent; all others get the plain
// resources over delta, and route configurations with their virtual hosts inside over the state of the world.
func RenderingFor(node *corev3.Node, delta bool) xds.Rendering {
	switch {
	case strings.HasPrefix(node.GetUserAgentName(), "gRPC"):
		return xds.GRPC
	case delta:
		return xds.Plain
	}
	return xds.Whole
}
