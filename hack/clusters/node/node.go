// Package node is one node from both sides. Inside, Main is process 1 of the node's namespaces: it makes the node's file system and keeps its
// components running. Outside, a Handle finds that process, asks it to start, kill or freeze components, and runs commands in its namespaces.
//
// The node's processes live exactly as long as process 1: the kernel kills them with it. A node is found by looking at the running processes,
// never from a recorded process id, so that a crash of anything leaves nothing that cannot be found again.
package node

import (
	"encoding/json"
	"fmt"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"path/filepath"
)

// Argv0 is the name under which process 1 of a node runs; its first argument is the node's folder.
const Argv0 = "fairlead-node"

// Setup is what process 1 is told at its start, in setup.json in the node's folder.
type Setup struct {
	Name string   `json:"name"`
	Bare bool     `json:"bare"` // shares the machine's network and file system; only its processes are apart
	Path string   `json:"path"` // PATH of the components
	Keep []string `json:"keep"` // folders that are the same inside and outside
}

func (s Setup) write(dir string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode setup of %s: %w", s.Name, err)
	}
	return os.WriteFile(filepath.Join(dir, "setup.json"), text, 0o644)
}

func socket(dir string) string { return filepath.Join(dir, "node.sock") }

// Main runs as process 1 of a new node. It returns only when the node cannot be made.
func Main(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "setup.json"))
	if err != nil {
		return err
	}
	var s Setup
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read setup of %s: %w", dir, err)
	}
	if err := mounts(dir, s); err != nil {
		return fmt.Errorf("file system of %s: %w", s.Name, err)
	}
	if err := os.Setenv("PATH", s.Path); err != nil {
		return err
	}
	keeper := newKeeper(filepath.Join(dir, "log"))
	go keeper.reap()

	_ = os.Remove(socket(dir))
	listener, err := net.Listen("unix", socket(dir))
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Node", &service{keeper}); err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go server.ServeCodec(jsonrpc.NewServerCodec(conn))
	}
}
