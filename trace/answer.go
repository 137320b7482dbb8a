package trace

// Answer is the way of one request. Parts that it never reached are empty. It stands in JSON as it is.
type Answer struct {
	From   string `json:"from"`
	Method string `json:"method"`
	URL    string `json:"url"`

	Server *Server `json:"server,omitempty"`
	// Host is the virtual host's hostname, which may be a wildcard.
	Host string `json:"host,omitempty"`
	// Rule is the one that matched, Lost those that were tried before it, Rules how many the host has.
	Rule  *Rule  `json:"rule,omitempty"`
	Lost  []Lost `json:"lost,omitempty"`
	Rules int    `json:"rules,omitempty"`
	// Filters are what is done to the request and its answer, a phrase each.
	Filters  []string  `json:"filters,omitempty"`
	Backends []Backend `json:"backends,omitempty"`
	// Group is the endpoint group that was reached.
	Group    string    `json:"group,omitempty"`
	Tiers    []Tier    `json:"tiers,omitempty"`
	Endpoint *Endpoint `json:"endpoint,omitempty"`

	// Status is the status code with which the gateway answers by itself; 0 where the endpoint answers, or nobody.
	Status   int    `json:"status,omitempty"`
	Location string `json:"location,omitempty"`
	// Outcome says how it ended, where no endpoint was reached.
	Outcome string `json:"outcome,omitempty"`
}

// Server is where the request came in.
type Server struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"`
	Listener  string   `json:"listener,omitempty"`
	// Certificate is the Secret that is presented, with TLS.
	Certificate string `json:"certificate,omitempty"`
	// TCP says that connections are carried to a service as they are, past all routes.
	TCP bool `json:"tcp,omitempty"`
}

// Rule is a rule and what it matches.
type Rule struct {
	Name  string `json:"name"`
	Match string `json:"match"`
}

// Lost is a rule that was tried and did not match.
type Lost struct {
	Rule  string `json:"rule"`
	Match string `json:"match"`
	Why   string `json:"why"`
}

// Backend is a backend of the rule with its part of the traffic.
type Backend struct {
	Group   string  `json:"group"`
	Percent float64 `json:"percent"`
	Chosen  bool    `json:"chosen,omitempty"`
}

// Tier is one tier of the group with its part of the traffic.
type Tier struct {
	Name    string  `json:"name"`
	Percent uint32  `json:"percent"`
	Panic   bool    `json:"panic,omitempty"`
	Why     string  `json:"why,omitempty"`
	Places  []Place `json:"places,omitempty"`
}

// Place is the endpoints of one cluster in one zone. Percent is its part of its tier's traffic.
type Place struct {
	Cluster   string     `json:"cluster"`
	Region    string     `json:"region,omitempty"`
	Zone      string     `json:"zone,omitempty"`
	Percent   float64    `json:"percent"`
	Endpoints []Endpoint `json:"endpoints,omitempty"`
}

// Endpoint is one endpoint; Why says why it was not chosen.
type Endpoint struct {
	Address  string `json:"address"`
	Hostname string `json:"hostname,omitempty"`
	Cluster  string `json:"cluster"`
	Chosen   bool   `json:"chosen,omitempty"`
	Why      string `json:"why,omitempty"`
}

func (a *Answer) filter(phrase string) { a.Filters = append(a.Filters, phrase) }

func (a *Answer) finish(status int, outcome string) { a.Status, a.Outcome = status, outcome }

func (a *Answer) refuse(status int, why string) *Answer {
	a.finish(status, why)
	return a
}
