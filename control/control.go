// Package control is how the verbs of the command line talk to a running fairlead dev: HTTP and JSON over a unix socket.
//
// In goes a request such as GET /v1/clusters or POST /v1/drain, out comes one of the types of this package, or an Error with a hint that
// can be pasted. The server asks a Fleet, the client has a method for each verb. The socket's folder is open to its user alone; whoever
// may open the socket may do everything.
//
//	GET  /v1/clusters                   []Cluster
//	GET  /v1/status                     Status
//	GET  /v1/picture?from=west          the picture as text; with &format=json a Picture
//	POST /v1/trace   TraceRequest       trace.Answer
//	POST /v1/drain, /v1/restore, /v1/release, /v1/lose, /v1/find   {"cluster": "west"}
//	POST /v1/hub     {"up": true}
//
// Start with Serve and Dial. Where the socket is, is in socket.go.
package control

import (
	"time"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/trace"
)

// Fleet is what the server asks. A cluster that does not exist is answered with an *Error, which names those that do.
type Fleet interface {
	Clusters() []Cluster
	Status() Status
	// Picture returns the picture of a cluster as text.
	Picture(from string) (string, error)
	Trace(TraceRequest) (*trace.Answer, error)
	// Drain takes all new traffic off a cluster, everywhere, or gives it back.
	Drain(cluster string, on bool) error
	// Release lets a mass withdrawal by a cluster go on that the others hold.
	Release(cluster string) error
	// Lose lets a cluster's network go dark; Find heals it.
	Lose(cluster string) error
	Find(cluster string) error
	// Hub takes the hub away or brings it back.
	Hub(up bool) error
}

// Cluster is one cluster of the clusterset.
type Cluster struct {
	Name    string `json:"name"`
	Region  string `json:"region,omitempty"`
	Zone    string `json:"zone,omitempty"`
	Network string `json:"network,omitempty"`
	Address string `json:"address"`
	// Drain says that its operator drains it, Lost that it was made to go dark, Vanished that its folder is gone and its last state kept.
	Drain    bool `json:"drain,omitempty"`
	Lost     bool `json:"lost,omitempty"`
	Vanished bool `json:"vanished,omitempty"`
	// Verdicts are what the clusters hold of this one, itself included, in the order of their names.
	Verdicts []Verdict `json:"verdicts"`
	// Exports counts the services that it exports, Problems what is wrong in its folder.
	Exports  int `json:"exports"`
	Problems int `json:"problems,omitempty"`
}

// Verdict is what one cluster holds of another.
type Verdict struct {
	From    string        `json:"from"`
	Verdict fleet.Verdict `json:"verdict"`
	Reason  string        `json:"reason,omitempty"`
	Since   time.Time     `json:"since"`
	// Held counts the records that are missing without an explanation and are kept.
	Held int `json:"held,omitempty"`
}

// Status is the state of the whole clusterset.
type Status struct {
	HubUp    bool      `json:"hubUp"`
	Clusters []Cluster `json:"clusters"`
	// Problems are what is wrong in the folder; each cluster's last good state keeps serving.
	Problems []Problem `json:"problems,omitempty"`
	// Rejections are what a cluster's centre did not take.
	Rejections []Rejection `json:"rejections,omitempty"`
	// Unready are the conditions of objects that are not as they should be.
	Unready  []Unready `json:"unready,omitempty"`
	Services []Service `json:"services,omitempty"`
	// Listeners are addresses that could not be opened.
	Listeners []Problem `json:"listeners,omitempty"`
	XDS       []XDS     `json:"xds,omitempty"`
	Proxies   []Proxy   `json:"proxies,omitempty"`
}

// Problem is something wrong, with a remedy in its message.
type Problem struct {
	Cluster string `json:"cluster,omitempty"`
	Where   string `json:"where,omitempty"` // file:line, or an address
	Object  string `json:"object,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// Rejection is something that a cluster's centre did not take.
type Rejection struct {
	Cluster string `json:"cluster"`
	Object  string `json:"object"`
	Where   string `json:"where,omitempty"`
	Message string `json:"message"`
}

// Unready is a condition that is not as it should be.
type Unready struct {
	Cluster string `json:"cluster"`
	Object  string `json:"object"`
	// Part is the listener or parent that the condition belongs to; empty for the object itself.
	Part      string          `json:"part,omitempty"`
	Condition fleet.Condition `json:"condition"`
}

// Service is one service of the clusterset.
type Service struct {
	Name      string   `json:"name"`
	Exporters []string `json:"exporters"`
	Headless  bool     `json:"headless,omitempty"`
	Conflicts []string `json:"conflicts,omitempty"`
	// Held are the clusters of whose records something is held, as some cluster sees it.
	Held []string `json:"held,omitempty"`
}

// XDS is one client of a cluster's xDS server.
type XDS struct {
	Cluster   string `json:"cluster"`
	Node      string `json:"node"`
	Rendering string `json:"rendering"`
	// Sent and Acked count responses; those that are neither acked nor refused are on their way.
	Sent  int `json:"sent"`
	Acked int `json:"acked"`
	// Nacked are the resources that the client refused, with its reason.
	Nacked []string `json:"nacked,omitempty"`
}

// Proxy is one cluster's data plane. The numbers are since its start, but for Active.
type Proxy struct {
	Cluster   string   `json:"cluster"`
	Connected bool     `json:"connected"` // to its control plane
	Listeners []string `json:"listeners"` // that are open, by name
	Hosts     int      `json:"hosts"`
	Requests  int64    `json:"requests"`
	Active    int64    `json:"active"`
	Retries   int64    `json:"retries"`
	Aborted   int64    `json:"aborted"`   // tries given up because their cluster was lost
	Malformed int64    `json:"malformed"` // requests refused
	// Unusable are the endpoints that it does not use now.
	Unusable []Endpoint `json:"unusable,omitempty"`
}

// Endpoint is an endpoint that a proxy does not use, and why.
type Endpoint struct {
	Group   string `json:"group"`
	Address string `json:"address"`
	Cluster string `json:"cluster,omitempty"`
	Why     string `json:"why"`
}

// Picture is the text of a picture by its lines.
type Picture struct {
	From  string   `json:"from"`
	Lines []string `json:"lines"`
}

// TraceRequest is a virtual request.
type TraceRequest struct {
	From    string              `json:"from"`
	Method  string              `json:"method"`
	URL     string              `json:"url"`
	Headers map[string][]string `json:"headers,omitempty"`
}

// Error is what the server answers when it cannot do what was asked.
type Error struct {
	// Message says what is wrong, Hint what to do: a command that can be pasted where there is one.
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"`
}

// Error implements error with the message alone.
func (e *Error) Error() string { return e.Message }
