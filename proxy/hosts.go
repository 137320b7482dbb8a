package proxy

import (
	"time"

	"fairlead.dev/fairlead/match"
)

// unresolved is the name that the control plane gives to a backend which could not be resolved. It is never a cluster.
const unresolved = "invalid"

// waitingHost is a virtual host that is not live yet, because the endpoints of a cluster of its are not known. Until it is, requests
// take the routes that its name had before.
type waitingHost struct {
	host    *match.Host
	missing []string
	timer   *time.Timer
}

// setHost makes a virtual host live as soon as the endpoints of all its clusters are known, and at the latest after HostWait.
func (s *store) setHost(h *match.Host) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unwait(h.Name)
	missing := s.missing(h.Clusters())
	if len(missing) == 0 || s.stopped {
		s.live(h)
		return nil
	}
	w := &waitingHost{host: h, missing: missing}
	w.timer = time.AfterFunc(s.proxy.opt.Limits.HostWait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.waiting[h.Name] == w {
			delete(s.waiting, h.Name)
			s.live(h)
			s.proxy.log.Info("virtual host live without endpoints", "host", h.Name, "missing", w.missing)
		}
	})
	s.waiting[h.Name] = w
	return nil
}

// settled says whether no virtual host waits.
func (s *store) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) == 0
}

// wake makes those virtual hosts live whose clusters are all there by now.
func (s *store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, w := range s.waiting {
		if w.missing = s.missing(w.missing); len(w.missing) == 0 {
			s.unwait(name)
			s.live(w.host)
		}
	}
}

func (s *store) missing(clusters []string) []string {
	var out []string
	for _, c := range clusters {
		if c != unresolved && !s.proxy.registry.Ready(c) {
			out = append(out, c)
		}
	}
	return out
}

func (s *store) unwait(name string) {
	if w := s.waiting[name]; w != nil {
		w.timer.Stop()
		delete(s.waiting, name)
	}
}

func (s *store) live(h *match.Host) {
	t := s.table(match.ServerOf(h.Name))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts.Store(t.hosts.Load().With(h))
}

func (s *store) removeHost(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unwait(name)
	t := s.table(match.ServerOf(name))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts.Store(t.hosts.Load().Without(name))
}

// stop keeps waiting hosts from becoming live later.
func (s *store) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for name := range s.waiting {
		s.unwait(name)
	}
}
