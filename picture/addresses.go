package picture

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// addressBook hands out clusterset IPs where no API server does.
type addressBook struct {
	ranges []netip.Prefix
	held   map[fleet.Name][]netip.Addr // the Prior's own map
	owner  map[netip.Addr]fleet.Name
}

func newAddressBook(ranges []netip.Prefix, held map[fleet.Name][]netip.Addr) *addressBook {
	b := &addressBook{ranges: ranges, held: held, owner: map[netip.Addr]fleet.Name{}}
	for name, ips := range held {
		for _, ip := range ips {
			b.owner[ip] = name
		}
	}
	return b
}

// addresses returns the clusterset IPs of a service: those that it has, or new ones (M10: the same for the life of the ServiceImport), and
// why one is missing.
func (c *Centre) addresses(m *mcs.Merged) (ips []netip.Addr, missing string) {
	if m.Headless {
		c.ips.release(m.Name)
		return nil, ""
	}
	held := c.ips.held[m.Name]
	for _, r := range c.ips.rangesFor(m.IPFamilies) {
		if i := slices.IndexFunc(held, r.Contains); i >= 0 {
			ips = append(ips, held[i])
		} else if ip, ok := c.ips.allocate(r, m.Name); ok {
			ips = append(ips, ip)
		} else {
			missing = fmt.Sprintf("no address is left in %s: unexport a service or give the cluster a larger range", r)
		}
	}
	for _, ip := range held {
		if !slices.Contains(ips, ip) {
			delete(c.ips.owner, ip)
		}
	}
	c.ips.held[m.Name] = ips
	return ips, missing
}

// rangesFor returns the ranges for some families, in their order: those that the own cluster has (M11).
func (b *addressBook) rangesFor(want []corev1.IPFamily) (out []netip.Prefix) {
	for _, f := range want {
		for _, r := range b.ranges {
			if r.Addr().Is4() == (f == corev1.IPv4Protocol) {
				out = append(out, r)
			}
		}
	}
	return out
}

// allocate takes a free address, at a place that follows from the name, so that an address is the same after a restart unless two names
// meet; then the Prior says who was first.
func (b *addressBook) allocate(r netip.Prefix, name fleet.Name) (netip.Addr, bool) {
	size := uint64(1)<<min(r.Addr().BitLen()-r.Bits(), 24) - 2
	if uint64(len(b.owner)) >= size*uint64(len(b.ranges)) {
		return netip.Addr{}, false
	}
	h := fnv.New64a()
	h.Write([]byte(name.String()))
	for i := range size {
		ip := offset(r, 1+(h.Sum64()+i)%size)
		if _, taken := b.owner[ip]; !taken {
			b.owner[ip] = name
			return ip, true
		}
	}
	return netip.Addr{}, false
}

func (b *addressBook) release(name fleet.Name) {
	for _, ip := range b.held[name] {
		delete(b.owner, ip)
	}
	delete(b.held, name)
}

// offset returns the nth address of a range.
func offset(r netip.Prefix, n uint64) netip.Addr {
	b := r.Masked().Addr().AsSlice()
	for i := len(b) - 1; i >= 0 && n > 0; i-- {
		n += uint64(b[i])
		b[i] = byte(n)
		n >>= 8
	}
	ip, _ := netip.AddrFromSlice(b)
	return ip
}
