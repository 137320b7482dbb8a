package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/plan"
)

// RelayArgv0 is the name under which a relay runs; its arguments are the fleet's folder, the node's cable and the slowness.
const RelayArgv0 = "fairlead-relay"

// A relay stands between the bridge and a node's cable: it takes the cable off the bridge, puts a tap of its own there, and carries frames
// between both, late or not at all. The kernels of many machines lack netem, which would do this better.

// Relay runs one relay. It returns only when it fails.
func Relay(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("a relay takes a folder, a cable and a slowness")
	}
	cable := args[1]
	var s Slowness
	if err := json.Unmarshal([]byte(args[2]), &s); err != nil {
		return fmt.Errorf("read slowness: %w", err)
	}
	name := tap(cable)
	port, err := openTap(name)
	if err != nil {
		return fmt.Errorf("open tap %s: %w", name, err)
	}
	// This machine's own network must not answer on a cable that is no longer the bridge's.
	for file, value := range map[string]string{"ipv4/conf/" + cable + "/arp_ignore": "8", "ipv6/conf/" + cable + "/disable_ipv6": "1"} {
		if err := os.WriteFile("/proc/sys/net/"+file, []byte(value), 0o644); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	raw, err := openCable(cable)
	if err != nil {
		return fmt.Errorf("open cable %s: %w", cable, err)
	}
	if err := ip(exec.Command("ip", "-batch", "-"), "link set "+cable+" nomaster", "link set "+name+" master "+Bridge+" up"); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- s.carry(reader(raw), writer(port)) }()
	go func() { ended <- s.carry(reader(port), writer(raw)) }()
	return <-ended
}

// Slow puts a relay before a node; one that is there is replaced.
func Slow(ctx context.Context, binary, dir string, n plan.Node, h node.Handle, s Slowness) error {
	if err := Quicken(ctx, dir, n, h); err != nil {
		return err
	}
	// What the relay reads must be whole packets with sums, not work left for a network card.
	if err := run(h.Network(ctx, "ethtool", "-K", "eth0", "tx", "off")); err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode slowness: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, link(n)+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(binary)
	cmd.Args = []string{RelayArgv0, dir, link(n), string(text)}
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start relay of %s: %w", n.Name, err)
	}
	for {
		if bridged(tap(link(n))) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
		if why, _ := os.ReadFile(log.Name()); len(why) > 0 {
			return fmt.Errorf("relay of %s: %s", n.Name, strings.TrimSpace(string(why)))
		}
	}
}

// Quicken ends a node's relay, if it has one, and puts its cable back on the bridge.
func Quicken(ctx context.Context, dir string, n plan.Node, h node.Handle) error {
	if err := EndRelays(dir, link(n)); err != nil {
		return err
	}
	if bridged(link(n)) {
		return nil
	}
	if err := ip(exec.CommandContext(ctx, "ip", "-batch", "-"), "link set "+link(n)+" master "+Bridge); err != nil {
		return err
	}
	return run(h.Network(ctx, "ethtool", "-K", "eth0", "tx", "on"))
}

// Slowed tells how slow a fleet's nodes have been made, by their cables.
func Slowed(dir string, n plan.Node) (Slowness, bool) {
	all, err := relays(dir)
	if err != nil {
		return Slowness{}, false
	}
	for _, r := range all {
		if r.cable == link(n) {
			return r.slowness, true
		}
	}
	return Slowness{}, false
}

// EndRelays ends the relays of a fleet's folder: that of one cable, or all.
func EndRelays(dir, cable string) error {
	all, err := relays(dir)
	if err != nil {
		return err
	}
	for _, r := range all {
		if cable != "" && r.cable != cable {
			continue
		}
		if err := syscall.Kill(r.pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("end relay %s: %w", r.cable, err)
		}
		for exists(tap(r.cable)) {
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}

type relay struct {
	pid      int
	cable    string
	slowness Slowness
}

// relays finds the running relays of a fleet's folder.
func relays(dir string) (all []relay, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // has ended
		}
		argv := strings.Split(string(line), "\x00")
		if len(argv) < 4 || argv[0] != RelayArgv0 || argv[1] != dir {
			continue
		}
		r := relay{cable: argv[2]}
		if _, err := fmt.Sscanf(file, "/proc/%d/", &r.pid); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(argv[3]), &r.slowness); err != nil {
			return nil, fmt.Errorf("read slowness of %s: %w", r.cable, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func tap(cable string) string { return "ft-" + strings.TrimPrefix(cable, "fl-") }

func openTap(name string) (fd int, err error) {
	if fd, err = syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC, 0); err != nil {
		return 0, err
	}
	var request struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:15], name)
	request.flags = syscall.IFF_TAP | syscall.IFF_NO_PI
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return 0, errno
	}
	return fd, nil
}

// openCable opens a socket that gets every frame which comes in from the node, and none that goes out.
func openCable(name string) (fd int, err error) {
	const everything = syscall.ETH_P_ALL>>8 | syscall.ETH_P_ALL<<8&0xff00 // in network order
	cable, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	if fd, err = syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 0); err != nil {
		return 0, err
	}
	const ignoreOutgoing = 23 // PACKET_IGNORE_OUTGOING, which package syscall has no name for
	if err := syscall.SetsockoptInt(fd, syscall.SOL_PACKET, ignoreOutgoing, 1); err != nil {
		return 0, err
	}
	return fd, syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: everything, Ifindex: cable.Index})
}

func reader(fd int) func() ([]byte, error) {
	buffer := make([]byte, 1<<16)
	return func() ([]byte, error) {
		for {
			n, err := syscall.Read(fd, buffer)
			if err == syscall.EINTR {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read: %w", err)
			}
			return append([]byte(nil), buffer[:n]...), nil
		}
	}
}

// writer drops what the other side has no room for.
func writer(fd int) func([]byte) error {
	return func(data []byte) error {
		_, err := syscall.Write(fd, data)
		switch err {
		case nil, syscall.EINTR, syscall.ENOBUFS, syscall.EAGAIN, syscall.EMSGSIZE:
			return nil
		}
		return fmt.Errorf("write: %w", err)
	}
}

func run(cmd *exec.Cmd) error { return feed(cmd, "") }
