package node

import "fairlead.dev/fairlead/hack/clusters/component"

// service is what process 1 answers on its socket.
type service struct{ keeper *keeper }

// Nothing is the argument or the answer of a call that has none.
type Nothing struct{}

// Start runs components that do not run.
func (s *service) Start(cs []component.Component, _ *Nothing) error {
	for _, c := range cs {
		if err := s.keeper.start(c.Name, c.Argv); err != nil {
			return err
		}
	}
	return nil
}

// Kill ends a component, which stays dead until it is started.
func (s *service) Kill(name string, _ *Nothing) error { return s.keeper.kill(name) }

// Freeze stops a component without ending it.
func (s *service) Freeze(name string, _ *Nothing) error { return s.keeper.freeze(name, true) }

// Thaw lets a frozen component go on.
func (s *service) Thaw(name string, _ *Nothing) error { return s.keeper.freeze(name, false) }

// States tells how every component is, in the order of their first start.
func (s *service) States(_ Nothing, all *[]State) error {
	*all = s.keeper.states()
	return nil
}
