package picture

import (
	"net/netip"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// real says whether this is a real cluster: one whose API server allocates IPs.
func (v Vantage) real() bool { return len(v.Families) > 0 }

// derived returns a merged service as it stands or is to stand in a real cluster, its clusterset IPs, and what it waits for.
//
// IPs are those of the derived Service. When that is gone, by somebody's mistake, they are remembered, so that it comes back with them (M10).
// What cannot be changed while it stands waits (mcs.Merged.Standing).
func (c *Centre) derived(v view, m *mcs.Merged) (_ *mcs.Merged, ips []netip.Addr, pending string) {
	carrier := "Service " + mcs.DerivedName(m.Name.Name)
	missing := carrier + ", which carries the import, is not there yet"
	d, told := v.get("Derived", m.Name.String()).(*Derived)
	if !told {
		return m, c.ips.held[m.Name], missing
	}
	c.ips.keep(m.Name, d.IPs)
	stands := len(d.Families) > 0
	if stands {
		m = m.Standing(d.Headless, d.Families, v.vantage.Families)
	}
	switch {
	case d.Refused != "":
		pending = "the API server refuses " + carrier + ", which carries the import: " + d.Refused
	case !stands:
		pending = missing
	case d.Headless != m.Headless:
		pending = carrier + ", which carries the import, is being replaced: its type has changed"
	}
	return m, d.IPs, pending
}

// keep remembers the IPs that an API server allocated.
func (b *addressBook) keep(name fleet.Name, ips []netip.Addr) {
	if len(ips) == 0 {
		delete(b.held, name)
		return
	}
	b.held[name] = ips
}
