package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// silence is how long raw waits for more to come.
const silence = 700 * time.Millisecond

// raw sends bytes to a socket, exactly as a file spells them, and prints the status lines of the answers and, where the other side
// hung up, "closed":
//
//	raw 127.0.0.100:8080 smuggled
//
// The file's own line ends are not sent; what is to be sent is spelled with the escapes of a Go string, such as \r\n.
func raw(w world, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%w: raw ADDR FILE", errUsage)
	}
	data, err := spelled(w.path(args[1]))
	if err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", args[0], httpTimeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(data); err != nil {
		return err
	}
	reply, closed := listen(conn)
	for line := range strings.Lines(reply) {
		if strings.HasPrefix(line, "HTTP/") {
			fmt.Fprintln(w.out, strings.TrimSpace(line))
		}
	}
	if closed {
		fmt.Fprintln(w.out, "closed")
	}
	return nil
}

// spelled reads a file and returns the bytes that it spells.
func spelled(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errUsage, err)
	}
	var data []byte
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		s, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %q is not the inside of a Go string", errUsage, file, line)
		}
		data = append(data, s...)
	}
	return data, nil
}

// listen reads until the other side closes or is silent for a while.
func listen(conn net.Conn) (reply string, closed bool) {
	var all bytes.Buffer
	buf := make([]byte, 4096)
	for all.Len() < 1<<20 {
		conn.SetReadDeadline(time.Now().Add(silence))
		n, err := conn.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			return all.String(), errors.Is(err, io.EOF) || !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
	return all.String(), false
}
