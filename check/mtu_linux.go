package check

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// pathMTU returns the MTU of a connection's path as the kernel has learned it, from its own interface, the other side's largest segment,
// and what routers said; or 0.
func pathMTU(c net.Conn) (mtu int) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return 0
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			mtu = min(int(info.Pmtu), int(info.Snd_mss)+headers(c, info))
		}
	})
	return mtu
}

// headers returns how much of a full packet is not payload: IP, TCP, and the timestamps where they are in use.
func headers(c net.Conn, info *unix.TCPInfo) int {
	n := 20 + 20
	if a, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil && a.Addr().Unmap().Is6() {
		n += 20
	}
	if info.Options&1 != 0 {
		n += 12
	}
	return n
}
