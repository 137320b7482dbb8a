//go:build !linux

package check

import "net"

// pathMTU is not known on this platform.
func pathMTU(net.Conn) int { return 0 }
