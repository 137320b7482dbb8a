// Package balance turns merged ports, slices, verdicts and a policy into ordered endpoint groups with weights, as seen from one
// vantage.
//
// Start with Group. Load computes the share of traffic that each tier gets by Envoy's rules of overprovisioning, gradual spill
// and panic; the data plane and trace use it as it stands.
package balance
