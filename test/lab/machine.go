package lab

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine tells in one line what a bench ran on.
func Machine() string {
	return fmt.Sprintf("%d cores (%s), %s of memory, Linux %s, %s", runtime.NumCPU(), model(), memory(), kernel(), runtime.Version())
}

func model() string {
	for line := range strings.Lines(file("/proc/cpuinfo")) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func memory() string {
	var kib int64
	if _, err := fmt.Sscanf(file("/proc/meminfo"), "MemTotal: %d kB", &kib); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%d GiB", (kib+1<<19)>>20)
}

func kernel() string { return strings.TrimSpace(file("/proc/sys/kernel/osrelease")) }

func file(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}
