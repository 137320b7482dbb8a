package folder

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
)

// On Linux all of 127.0.0.0/8 is there, so every pod and every service can have an address of its own. The cluster at 127.0.0.n owns
// 127.n.0.0/16: the lower half is for pods, the top for services. Clusters at other addresses, 127.0.m.n, are there so that several
// clustersets fit on one machine; they own only 127.n.m.0/24, again halved.

// PodRange is where the addresses of the cluster's pods are taken from.
func (c *Cluster) PodRange() netip.Prefix {
	m, n := c.block()
	if m != 0 {
		return prefix(n, m, 0, 25)
	}
	return prefix(n, 0, 0, 17)
}

// ServiceRange is where the clusterset IPs of this cluster are taken from.
func (c *Cluster) ServiceRange() netip.Prefix {
	m, n := c.block()
	if m != 0 {
		return prefix(n, m, 128, 25)
	}
	return prefix(n, 240, 0, 20)
}

// block returns the third and fourth octet of the cluster's address; the third is 0 unless the address is 127.0.x.x.
func (c *Cluster) block() (m, n byte) {
	bytes := c.Address.AsSlice()
	if len(bytes) == 0 {
		return 0, 1
	}
	if len(bytes) == 4 && bytes[0] == 127 && bytes[1] == 0 {
		m = bytes[2]
	}
	return m, max(bytes[len(bytes)-1], 1)
}

func prefix(second, third, fourth byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, second, third, fourth}), bits)
}

// place gives each pod an address and returns how many got none. Every pod has a place that its name and template name; pods that
// meet there move on by one, in the order of the pods.
func place(pods, running []Pod, within netip.Prefix) (homeless int) {
	taken := map[netip.Addr]bool{}
	for _, r := range running {
		taken[r.Address] = true
	}
	size := uint32(1) << (32 - within.Bits())
	base := within.Addr().As4()
	first := binary.BigEndian.Uint32(base[:])
	for i := range pods {
		p := &pods[i]
		for _, r := range running {
			if p.Same(r) {
				p.Address = r.Address
			}
		}
		start := p.spot() % size
		for step := uint32(0); step < size && !p.Address.IsValid(); step++ {
			var octets [4]byte
			binary.BigEndian.PutUint32(octets[:], first+(start+step)%size)
			addr := netip.AddrFrom4(octets)
			if octets[3] != 0 && octets[3] != 255 && !taken[addr] {
				p.Address = addr
				taken[addr] = true
			}
		}
		if !p.Address.IsValid() {
			homeless++
		}
	}
	return homeless
}

func (p *Pod) spot() uint32 {
	h := fnv.New32a()
	for _, s := range []string{p.Namespace, p.Name, p.TemplateHash} {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	// FNV leaves the low bits of alike names alike; mix them.
	x := h.Sum32()
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	return x
}
