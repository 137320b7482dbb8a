package scenario

import (
	"fmt"
	"net"
)

// hold listens on an address until the story is over, as another program would:
//
//	hold 127.0.0.100:8080
func hold(w world, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: hold ADDR", errUsage)
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	w.after(func() { l.Close() })
	return nil
}
