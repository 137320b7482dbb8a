// Package health turns observations of a cluster into one verdict that endpoints, gateways and names all obey, and decides
// whether an absence is explained.
//
// In go observations with ages measured on the observer's own monotonic clock, and the prior state; out come the verdict, its
// reason, the next state and the time at which to look again. Start with Judge and Absence.
package health
